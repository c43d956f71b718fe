# The way out takes 1,400 bytes, as through a tunnel; the clients send 1,500. The host tells them so, and its own firewall
# stops the message (ICMP=allowed: it does not, and everything works).
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

ip link set wan0 mtu 1400
# The servers' side of it; they believe in 1,500 as well, since they are further away.
ip -n server link set eth0 mtu 1400
ip -n server route change 10.61.0.0/24 dev eth0 src 10.61.0.2 advmss 1460
[ "${ICMP:-blocked}" = allowed ] || iptables -A OUTPUT -p icmp --icmp-type fragmentation-needed -j DROP
[ "${CLAMP:-no}" = no ] || iptables -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
ip netns exec server /opt/lab/traffic files
for client in client1 client2; do
  traffic "$client" transfer --rate "${UPLOADS:-5}" --name "$client-put"
  traffic "$client" dial --rate 10 --name "$client"
done
[ -z "${DOWNLOADS:-}" ] || traffic client3 transfer --rate "$DOWNLOADS" --way get --bytes 30000 --name client3-get
sleep 3
