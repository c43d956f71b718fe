# Large answers in fragments, which the NAT reassembles and cuts up again: real ones. That EC2 drops of them what is
# beyond its cap, a stand-in for ethtool says, because the guest has no ENA card. COUNTERS: its lines, see
# /opt/lab/fake-ethtool.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
traffic server fragments --size 8000
traffic client1 ask --rate "${RATE:-180}" --name client1
outer=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p')
mkdir -p /usr/local/sbin && ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
printf '%b' "${COUNTERS:-pps_allowance_exceeded 9000 +300\n}" > "/run/lab/ethtool-$outer"
sleep "${WAIT:-5}"
