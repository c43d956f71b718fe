#!/bin/sh
# How the dumps beside this were captured: as root, in three network namespaces, with the traffic and the entries of
# every kind that shifts the columns. Prints nothing; writes conntrack-L.txt, conntrack-L-extended.txt, proc.txt,
# ctnetlink.txt, stat.txt and conntrack-S.txt into the folder it is given.
# Usage: capture.sh FOLDER
set -eu
cd "$1"
host=$(cd "$(dirname "$0")/../../../host" && pwd)
trap 'for n in c r s; do ip netns del nmcap-$n 2>/dev/null || true; done' EXIT
for n in c r s; do
  ip netns add nmcap-$n
  ip -n nmcap-$n link set lo up
done
in_router() { ip netns exec nmcap-r "$@"; }
ip -n nmcap-c link add eth0 type veth peer name c0 netns nmcap-r
ip -n nmcap-s link add eth0 type veth peer name s0 netns nmcap-r
ip -n nmcap-c addr add 10.60.0.2/24 dev eth0
ip -n nmcap-r addr add 10.60.0.1/24 dev c0
ip -n nmcap-r addr add 203.0.113.1/24 dev s0
ip -n nmcap-s addr add 203.0.113.2/24 dev eth0
for end in c:eth0 s:eth0 r:c0 r:s0; do ip -n nmcap-"${end%:*}" link set "${end#*:}" up; done
ip -n nmcap-c route add default via 10.60.0.1
in_router sysctl -qw net.ipv4.ip_forward=1 net.netfilter.nf_conntrack_acct=1
in_router iptables -t nat -A POSTROUTING -o s0 -j MASQUERADE
in_router iptables -t nat -A PREROUTING -i s0 -p tcp --dport 2222 -j DNAT --to-destination 10.60.0.2:22

python3 - <<'TRAFFIC' &
import ctypes, os, socket, time
libc = ctypes.CDLL(None, use_errno=True)
def enter(name):
    fd = os.open("/run/netns/nmcap-" + name, os.O_RDONLY)
    if libc.setns(fd, 0x40000000): raise OSError(ctypes.get_errno())
    os.close(fd)
enter("s")
listeners = [socket.create_server(("203.0.113.2", port)) for port in (8080, 8081)]
enter("c")
held = []
for port in (8080, 8080, 8080, 8081):
    connection = socket.create_connection(("203.0.113.2", port), timeout=5)
    for listener in listeners:
        if listener.getsockname()[1] == port: peer, _ = listener.accept()
    for _ in range(3):
        connection.send(b"x"); peer.recv(1); peer.send(b"y"); connection.recv(1)
    held += [connection, peer]
held[2].close(); held[3].close()          # TIME_WAIT
silent = socket.socket(); silent.setblocking(False)
silent.connect_ex(("203.0.113.99", 443))  # nobody answers
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.sendto(b"q", ("203.0.113.2", 5353))
ping = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
ping.sendto(bytes.fromhex("0800e5ca12340001"), ("203.0.113.2", 0))
inside = socket.create_server(("10.60.0.2", 22))
enter("s")
held.append(socket.create_connection(("203.0.113.1", 2222), timeout=5))
time.sleep(6)
TRAFFIC
sleep 1
in_router conntrack -I -p gre -t 60 -s 10.60.0.2 -d 203.0.113.7 --srckey 1 --dstkey 2 >/dev/null 2>&1
in_router conntrack -I -p tcp -t 431000 --state ESTABLISHED -u SEEN_REPLY,ASSURED -s fd00:60::2 -d 2001:db8::2 \
  --sport 40000 --dport 443 >/dev/null 2>&1
in_router conntrack -I -p tcp -t 50 --state SYN_SENT -w 5 -s 10.60.0.2 -d 203.0.113.8 --sport 1 --dport 2 >/dev/null 2>&1
in_router conntrack -I -p 99 -t 60 -s 10.60.0.2 -d 203.0.113.9 >/dev/null 2>&1 || true
sleep 1
in_router conntrack -L >conntrack-L.txt 2>/dev/null
in_router conntrack -L -o extended >conntrack-L-extended.txt 2>/dev/null
in_router cat /proc/net/nf_conntrack >proc.txt
in_router python3 "$host/dump-conntrack.py" 1000 >ctnetlink.txt
in_router cat /proc/net/stat/nf_conntrack >stat.txt
in_router conntrack -S >conntrack-S.txt
wait
