# One host opens HELD connections to the services in TO, on ports of its RANGE, and keeps them. The NAT's
# table is large enough, and persisted as whoever enlarged it would have done.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

echo nf_conntrack > /etc/modules-load.d/conntrack.conf
echo 'options nf_conntrack hashsize=65536' > /etc/modprobe.d/conntrack.conf
echo 'net.netfilter.nf_conntrack_max = 65536' > /etc/sysctl.d/60-conntrack.conf
echo 65536 > /sys/module/nf_conntrack/parameters/hashsize
sysctl -q -w net.netfilter.nf_conntrack_max=65536

# The kernel chooses the ports, as for any client (a port that is asked for by its number is lost to all destinations),
# from a piece of the range at a time: its search for the last free ones among all would take minutes here.
cat > /run/lab/hold.py <<'END'
import os, signal, socket, sys

first, last, count = map(int, sys.argv[1:4])
services = sys.argv[4:]
piece = 400


def allow(low, high):
    with open("/proc/sys/net/ipv4/ip_local_port_range", "w") as setting:
        setting.write(f"{low} {high}")


held = []
for n in range(count):
    if n % piece == 0:
        allow(first + n, min(first + n + piece - 1, last))
    connection = socket.socket()
    connection.connect((services[n % len(services)], 8080))
    held.append(connection)
allow(first, last)
if os.fork() == 0:
    os.setsid()
    for standard in (0, 1, 2):
        os.dup2(os.open("/dev/null", os.O_RDWR), standard)
    signal.pause()
os._exit(0)
END
# shellcheck disable=SC3045 # Not in POSIX, and in every shell that the guest has.
ulimit -n 65536
# shellcheck disable=SC2086 # RANGE and TO are several words.
ip netns exec client1 python3 /run/lab/hold.py ${RANGE:-50000 59999} "${HELD:-10000}" ${TO:-10.61.0.10}
for client in client2 client3 client4; do
  traffic "$client" dial --rate 5 --to 10.61.0.2-10:8080-8083 --name "$client"
done
