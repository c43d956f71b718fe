# Two thirds of the table in real connections, evenly from every host, most of them silent for IDLE seconds. WAITING
# closed ones may come on top, kept for TIME_WAIT seconds by a setting that is persisted.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count "${HELD:-1330}"; done
/opt/lab/flows age --idle "${IDLE:-86400-345600}" --share 0.75
if [ -n "${WAITING:-}" ]; then
  echo nf_conntrack > /etc/modules-load.d/conntrack.conf
  echo "net.netfilter.nf_conntrack_tcp_timeout_time_wait = $TIME_WAIT" > /etc/sysctl.d/60-conntrack.conf
  sysctl -q -p /etc/sysctl.d/60-conntrack.conf
  /opt/lab/flows insert --count "$WAITING" --from 10.60.0.20-99 --state time_wait --idle 0-300
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
