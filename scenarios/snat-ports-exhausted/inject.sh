# One service that the hosts behind the NAT use all the time: its source ports are taken, as many as FILLED says, by
# connections in STATE. The table is large enough, and persisted as whoever enlarged it would have done.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo 'options nf_conntrack hashsize=131072' > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 131072' > /etc/sysctl.d/60-conntrack.conf
echo 131072 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=131072

/opt/lab/flows insert --count "${FILLED:-64512}" --from 10.60.0.20-219 --to 10.61.0.2-2:8080 \
  --state "${STATE:-established}" --idle "${IDLE:-0-3000}"
# More calls of that service, and of others that must not suffer.
if [ "${CALLS:-yes}" = yes ]; then
  for client in client1 client2 client3; do
    traffic "$client" dial --rate 4 --to 10.61.0.2-2:8080-8080 --name "$client"
  done
fi
traffic client4 dial --rate 5 --to 10.61.0.3-10:8080-8083 --name client4
