# A healthy NAT instance, and a network card that says that EC2 holds packets back: the guest has no ENA card, so a
# stand-in for ethtool prints what the driver would. COUNTERS: its lines, see /opt/lab/fake-ethtool.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
outer=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p')
mkdir -p /usr/local/sbin && ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
printf '%b' "${COUNTERS:-linklocal_allowance_exceeded 2000 +40\n}" > "/run/lab/ethtool-$outer"
sleep "${WAIT:-3}"
