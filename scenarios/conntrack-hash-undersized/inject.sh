# A busy table of ENTRIES recent entries from 200 hosts over BUCKETS buckets. The settings are persisted as well, as
# whoever made them would have: a fix has to outlive them.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo "options nf_conntrack hashsize=${BUCKETS:-1024}" > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 65536' > /etc/sysctl.d/60-conntrack.conf
sysctl -q -w net.netfilter.nf_conntrack_max=65536
# In this order: the kernel keeps the chain limit for inserted entries too, but not when it rehashes.
/opt/lab/flows insert --count "${ENTRIES:-30000}" --from 10.60.0.20-219 --idle 0-3000
echo "${BUCKETS:-1024}" > /sys/module/nf_conntrack/parameters/hashsize
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
