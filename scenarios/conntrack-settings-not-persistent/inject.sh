# Settings made by hand, and as many of the files as FILES says. The traffic is light and healthy.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo 65536 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=65536 net.netfilter.nf_conntrack_tcp_timeout_established=86400
if [ "${FILES:-none}" != none ]; then
  cat > /etc/sysctl.d/60-conntrack.conf <<END
net.netfilter.nf_conntrack_max = 65536
net.netfilter.nf_conntrack_tcp_timeout_established = 86400
END
fi
if [ "${FILES:-none}" = all ]; then
  echo nf_conntrack > /etc/modules-load.d/conntrack.conf
  echo 'options nf_conntrack hashsize=65536' > /etc/modprobe.d/conntrack.conf
fi
for client in client1 client2 client3 client4; do
  traffic "$client" open --count 100
  traffic "$client" dial --rate 5 --name "$client"
done
