# One host opens HELD connections to the services in TO and keeps them; its ports are those of RANGE. The NAT's
# table is large enough, and persisted as whoever enlarged it would have done.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo 'options nf_conntrack hashsize=65536' > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 65536' > /etc/sysctl.d/60-conntrack.conf
echo 65536 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=65536

ip netns exec client1 sysctl -q -w net.ipv4.ip_local_port_range="${RANGE:-50000 59999}"
traffic client1 open --count "${HELD:-10000}" --to "${TO:-10.61.0.10-10:8080-8080}"
for client in client2 client3 client4; do
  traffic "$client" dial --rate 5 --to 10.61.0.2-10:8080-8083 --name "$client"
done
