# A network of its own with ENTRIES in its table, and connections in it that find no room.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

# The NAT's counters from zero, as after a boot: in this guest another scenario may have filled its table before.
iptables-save > /run/lab/rules
nft flush ruleset
for _ in 1 2 3 4 5 6; do # Whatever uses another one goes first.
  lsmod | awk '$1 ~ /^(nf_|nft_|xt_|iptable_)/ && $3 == 0 { print $1 }' | xargs -r rmmod || true
done
iptables-restore < /run/lab/rules

ip netns add container
ip netns exec container ip link set lo up
ip netns exec container iptables -A INPUT -m conntrack --ctstate INVALID -j DROP
# Established by their look, between addresses that are not there.
ip netns exec container /opt/lab/flows insert --count "${ENTRIES:-8192}" --from 10.60.0.20-219 --idle 0-3000
ip netns exec container /opt/lab/traffic serve --ports 8080-8083
ip netns exec container /opt/lab/traffic dial --rate 5 --to 127.0.0.1-1:8080-8083 --name container

for client in client1 client2 client3 client4; do
  traffic "$client" open --count "${NAT_HELD:-100}"
  traffic "$client" dial --rate 5 --name "$client"
done
sleep 2
