# Prints the first entries of the connection tracking table like `conntrack -L` does, for hosts without it.
# Reads through ctnetlink, standard library only. Usage: python3 dump-conntrack.py MOST_ENTRIES
import socket
import struct
import sys

NETLINK_NETFILTER = 12
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST_DUMP = 0x1 | 0x300
CT_GET, CT_NEW = (1 << 8) | 1, 1 << 8
# include/uapi/linux/netfilter/nfnetlink_conntrack.h
TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, TIMEOUT, ZONE = 1, 2, 3, 4, 7, 18
SEEN_REPLY, ASSURED, OFFLOAD, HW_OFFLOAD = 1 << 1, 1 << 2, 1 << 14, 1 << 15
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 33: "dccp", 47: "gre", 58: "icmpv6", 132: "sctp", 136: "udplite"}
WITH_PORTS = (6, 17, 33, 132, 136)
TCP_STATES = ("NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2").split()


def attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def tuple_of(data):
    parts = attributes(data)
    ip, proto = attributes(parts.get(1, b"")), attributes(parts.get(2, b""))
    if 1 in ip:
        source, destination = socket.inet_ntoa(ip[1]), socket.inet_ntoa(ip[2])
    else:
        source, destination = (socket.inet_ntop(socket.AF_INET6, ip[kind]) for kind in (3, 4))
    number = proto[1][0]
    text = "src=%s dst=%s" % (source, destination)
    if number in WITH_PORTS and 2 in proto and 3 in proto:
        text += " sport=%d dport=%d" % struct.unpack("!HH", proto[2] + proto[3])
    return number, text


def line_of(message):
    entry = attributes(message[4:])
    number, original = tuple_of(entry[TUPLE_ORIG])
    status = struct.unpack("!I", entry.get(STATUS, b"\0\0\0\0"))[0]
    words = [PROTOCOLS.get(number, "unknown"), str(number)]
    offloaded = status & (OFFLOAD | HW_OFFLOAD)
    if not offloaded and TIMEOUT in entry:
        words.append(str(struct.unpack("!I", entry[TIMEOUT])[0]))
    if number == 6 and PROTOINFO in entry:
        state = attributes(attributes(entry[PROTOINFO]).get(1, b"")).get(1, b"\0")[0]
        words.append(TCP_STATES[state] if state < len(TCP_STATES) else "NONE")
    words.append(original)
    if not status & SEEN_REPLY:
        words.append("[UNREPLIED]")
    words.append(tuple_of(entry[TUPLE_REPLY])[1])
    if offloaded:
        words.append("[HW_OFFLOAD]" if status & HW_OFFLOAD else "[OFFLOAD]")
    elif status & ASSURED:
        words.append("[ASSURED]")
    if ZONE in entry:
        words.append("zone=%d" % struct.unpack("!H", entry[ZONE])[0])
    return " ".join(words)


def main(most):
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    netlink.bind((0, 0))
    netlink.settimeout(10)
    netlink.send(struct.pack("=IHHIIBBH", 20, CT_GET, REQUEST_DUMP, 1, 0, socket.AF_UNSPEC, 0, 0))
    printed = 0
    while printed < most:
        data, at, lines = netlink.recv(1 << 16), 0, []
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == NLMSG_ERROR:
                sys.exit("ctnetlink: error %d" % -struct.unpack_from("=i", data, at + 16)[0])
            if kind == CT_NEW:
                lines.append(line_of(data[at + 16 : at + length]))
            if kind == NLMSG_DONE or length < 16:
                sys.stdout.write("".join(line + "\n" for line in lines[: most - printed]))
                return
            at += (length + 3) & ~3
        sys.stdout.write("".join(line + "\n" for line in lines[: most - printed]))
        printed += len(lines)


main(int(sys.argv[1]))
