# Large datagrams of a client with jumbo frames, as inside a VPC; the NAT cuts them up for the internet: real fragments.
# That EC2 drops of them what is beyond its cap, a stand-in for ethtool says, because the guest has no ENA card.
# COUNTERS: its lines, see /opt/lab/fake-ethtool.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
ip link set client1 mtu 9000
ip link set lan0 mtu 9000
ip netns exec client1 ip link set eth0 mtu 9000
cat > /run/lab/datagrams.py <<'END'
import os, socket, sys, time

rate = int(sys.argv[1])
if os.fork():
    os._exit(0)
os.setsid()
open(f"/run/lab/traffic/pid-{os.getpid()}", "w").close()
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
IP_MTU_DISCOVER, IP_PMTUDISC_DONT = 10, 0
out.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
due = time.monotonic()
while True:
    out.sendto(bytes(8000), ("10.61.0.2", 9))
    due += 1 / rate
    time.sleep(max(0, due - time.monotonic()))
END
ip netns exec client1 python3 /run/lab/datagrams.py "${RATE:-200}" < /dev/null > /dev/null 2>&1
outer=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p')
mkdir -p /usr/local/sbin && ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
printf '%b' "${COUNTERS:-pps_allowance_exceeded 9000 +300\n}" > "/run/lab/ethtool-$outer"
sleep "${WAIT:-5}"
