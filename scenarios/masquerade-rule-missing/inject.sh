# What a NAT instance's rules can come to. RULES says which; without it there are none.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

iptables -t nat -F POSTROUTING
case ${RULES:-none} in
  none) ;;
  # The image was made where the card was called eth0.
  renamed-interface) iptables -t nat -A POSTROUTING -o eth0 -j MASQUERADE ;;
  # Docker brings a rule of its own: for its own containers.
  docker) iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE ;;
  # Nobody uses nftables any more, and the rules of the old backend lack the interface's name.
  legacy)
    nft flush ruleset
    iptables-legacy -t nat -A POSTROUTING -o eth0 -j MASQUERADE
    ;;
  nft)
    nft flush ruleset
    nft 'table ip filter { chain forward { type filter hook forward priority 0; policy accept; ct state established accept; }; }'
    ;;
  # Healthy ones, for each way to write the rule.
  healthy-legacy)
    nft flush ruleset
    iptables-legacy -t nat -A POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE
    ;;
  healthy-nft)
    nft flush ruleset
    nft 'table ip nat { chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" ip saddr 10.60.0.0/16 masquerade; }; }'
    ;;
  healthy-snat) iptables -t nat -A POSTROUTING -o wan0 -j SNAT --to-source 10.61.0.1 ;;
esac
for client in client1 client2; do traffic "$client" dial --rate 20 --name "$client"; done
sleep 2
