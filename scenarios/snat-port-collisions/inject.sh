# A block of FILLED ports towards one service, and real clients whose own ports lie in it. Or, with RANDOM_PORTS, a rule
# that chooses ports at random, and ports in use as it would have chosen them.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo 'options nf_conntrack hashsize=131072' > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 131072' > /etc/sysctl.d/60-conntrack.conf
echo 131072 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=131072

filled=${FILLED:-26200}
ports=block
if [ "${RANDOM_PORTS:-no}" = yes ]; then
  iptables -t nat -R POSTROUTING 1 -s 10.60.0.0/16 -o wan0 -j MASQUERADE --random-fully
  ports=spread
fi
/opt/lab/flows insert --count "$filled" --from 10.60.0.20-219 --to 10.61.0.2-2:8080 --idle 0-3000 --ports "$ports"
for client in client1 client2 client3 client4; do
  ip netns exec "$client" sysctl -q -w "net.ipv4.ip_local_port_range=1024 $((1023 + filled))"
  traffic "$client" dial --rate "${RATE:-30}" --to 10.61.0.2-2:8080-8080 --name "$client"
done
