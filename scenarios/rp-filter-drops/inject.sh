# A second card in the outer network. Some of the servers (SERVERS, by their last number) answer by it, the host itself
# sends everything by the first; the filter is strict, as several distributions and hardening guides set it.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

ip link add wan1 type veth peer name eth1 netns server
ip address add 10.61.1.1/24 dev wan1
ip link set wan1 up
sysctl -q -w "net.ipv4.conf.${ON:-all}.rp_filter=${FILTER:-1}"
# Asked by the address of the first network, the kernel would not even answer ARP; in a VPC nobody asks it that way.
ip netns exec server sh -eu -c '
  echo 2 > /proc/sys/net/ipv4/conf/all/arp_announce
  ip address add 10.61.1.2/24 dev eth1
  ip link set eth1 up
  ip route add 10.61.0.1 via 10.61.1.1 dev eth1 table 100
  for last in $1; do ip rule add from 10.61.0.$last lookup 100; done' sh "${SERVERS:-2 3 4 5 6}"
for client in client1 client2; do traffic "$client" dial --rate 20 --name "$client"; done
sleep 1
