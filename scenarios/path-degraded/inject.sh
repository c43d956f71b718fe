# Bursts of packets into a backlog with room for BACKLOG: the kernel really drops what does not fit. Without BACKLOG,
# nothing but light traffic.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
if [ "${BACKLOG:-0}" != none ]; then
  echo "${BACKLOG:-0}" > /proc/sys/net/core/netdev_max_backlog
  # One datagram in six fragments each, all of which arrive at once.
  traffic server fragments --size 8000
  traffic client1 ask --rate 30 --name bursts
fi
sleep "${WAIT:-3}"
