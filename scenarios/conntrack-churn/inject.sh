# REQUESTS real connections of each client, opened and closed one after the other, and then RATE more every second.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

if [ -n "${TIME_WAIT:-}" ]; then
  echo nf_conntrack > /etc/modules-load.d/conntrack.conf
  echo "net.netfilter.nf_conntrack_tcp_timeout_time_wait = $TIME_WAIT" > /etc/sysctl.d/60-conntrack.conf
  sysctl -q -p /etc/sysctl.d/60-conntrack.conf
fi
ip netns exec server /opt/lab/traffic serve --ports 8070-8073 --end fin
pids=
for client in client1 client2 client3 client4; do
  traffic "$client" finish --count "${REQUESTS:-1550}" --rate "${RATE:-2}" --to 10.61.0.2-10:8070-8073 &
  pids="$pids $!"
done
for pid in $pids; do wait "$pid"; done
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 3 --name "$client"; done
