# One host opens HELD connections to the services in TO, from the first ports of its RANGE on, and keeps them. The NAT's
# table is large enough, and persisted as whoever enlarged it would have done.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo 'options nf_conntrack hashsize=65536' > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 65536' > /etc/sysctl.d/60-conntrack.conf
echo 65536 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=65536

ip netns exec client1 sysctl -q -w net.ipv4.ip_local_port_range="${RANGE:-50000 59999}"
# Each port is asked for by its number: the kernel's own search for the last free ones would take minutes here.
cat > /run/lab/hold.py <<'END'
import os, signal, socket, sys

count, services = int(sys.argv[1]), sys.argv[2:]
first = int(open("/proc/sys/net/ipv4/ip_local_port_range").read().split()[0])
held = []
for n in range(count):
    held.append(socket.create_connection((services[n % len(services)], 8080), 5, ("", first + n)))
if os.fork() == 0:
    os.setsid()
    for standard in (0, 1, 2):
        os.dup2(os.open("/dev/null", os.O_RDWR), standard)
    signal.pause()
os._exit(0)
END
ulimit -n 65536
# shellcheck disable=SC2086 # TO may be several words.
ip netns exec client1 python3 /run/lab/hold.py "${HELD:-10000}" ${TO:-10.61.0.10}
for client in client2 client3 client4; do
  traffic "$client" dial --rate 5 --to 10.61.0.2-10:8080-8083 --name "$client"
done
