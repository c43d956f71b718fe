# A table that is 45 % full, and a network card that says that the security group layer has no room: the guest has no
# ENA card, so a stand-in for ethtool prints what the driver would. COUNTERS: its lines, see /opt/lab/fake-ethtool.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

/opt/lab/flows insert --count 3400 --from 10.60.0.20-99 --idle 0-3000
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
outer=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p')
mkdir -p /usr/local/sbin && ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
printf '%b' "${COUNTERS:-conntrack_allowance_exceeded 3000 +20\nconntrack_allowance_available 0\n}" > "/run/lab/ethtool-$outer"
sleep "${WAIT:-3}"
