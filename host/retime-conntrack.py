# Gives the existing TCP entries of one state the timer that they would have if a shorter timeout had always been in
# force. Lowering the sysctl alone moves no timer. Usage: python3 retime-conntrack.py OLD NEW FLOOR SECONDS STATE
#   OLD      the timeout that was in force, NEW the one that now is, in seconds
#   FLOOR    entries with this much left or less stay as they are (at least NEW, see below)
#   SECONDS  stops after so long
#   STATE    established or time-wait
# Prints: moved expiring left failed complete|incomplete
#
# Only an entry with more than NEW seconds left is touched, because only that one certainly still runs on the old
# timeout: an entry with less may have been refreshed under the new one a moment ago, and would look long idle.
# What is left out so has at most NEW seconds left anyway. Running twice therefore changes nothing.
import errno
import socket
import struct
import sys
import time

NETLINK_NETFILTER = 12
NLMSG_ERROR, NLMSG_DONE = 2, 3
REQUEST, ACK, DUMP, REPLACE = 0x1, 0x4, 0x300, 0x100
CT_GET, CT_NEW = (1 << 8) | 1, 1 << 8
# include/uapi/linux/netfilter/nfnetlink_conntrack.h
TUPLE_ORIG, STATUS, PROTOINFO, TIMEOUT, ZONE = 1, 3, 4, 7, 18
NESTED = 1 << 15
OFFLOADED = 1 << 14 | 1 << 15
# State, and the least that is left where a timer tells idleness: an established entry with 300 s or less may carry
# the timer for unacknowledged data.
STATES = {"established": (3, 300), "time-wait": (7, 0)}
SAMPLE, BATCH = 65536, 64


def attributes(data):
    found, at = {}, 0
    while at + 4 <= len(data):
        length, kind = struct.unpack_from("=HH", data, at)
        if length < 4:
            break
        found[kind & 0x3FFF] = data[at + 4 : at + length]
        at += (length + 3) & ~3
    return found


def attribute(kind, payload):
    return struct.pack("=HH", 4 + len(payload), kind) + payload + b"\0" * (-len(payload) % 4)


def ctnetlink():
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
    netlink.bind((0, 0))
    netlink.settimeout(10)
    return netlink


def dump():
    """Every entry of the table as the kernel's message body: family first, attributes from byte 4."""
    netlink = ctnetlink()
    netlink.send(struct.pack("=IHHIIBBH", 20, CT_GET, REQUEST | DUMP, 1, 0, socket.AF_UNSPEC, 0, 0))
    while True:
        data, at = netlink.recv(1 << 16), 0
        while at + 16 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == NLMSG_DONE or length < 16:
                return
            if kind == NLMSG_ERROR:
                sys.exit("ctnetlink: error %d" % -struct.unpack_from("=i", data, at + 16)[0])
            if kind == CT_NEW:
                yield data[at + 16 : at + length]
            at += (length + 3) & ~3


def entries(wanted):
    """Every TCP entry in a state that has a timer: its family, what is left of it, and its attributes."""
    for message in dump():
        entry = attributes(message[4:])
        if TIMEOUT in entry and PROTOINFO in entry and not offloaded(entry) and state(entry) == wanted:
            yield bytearray(message)[0], struct.unpack("!I", entry[TIMEOUT])[0], entry


def sweep():
    """The kernel's collector may take a minute to come by; a dump removes the expired entries that it meets."""
    time.sleep(1.2)
    for _ in dump():
        pass


def offloaded(entry):
    return struct.unpack("!I", entry.get(STATUS, b"\0\0\0\0"))[0] & OFFLOADED


def state(entry):
    # CTA_PROTOINFO_TCP, CTA_PROTOINFO_TCP_STATE; -1 for what is not TCP.
    value = attributes(attributes(entry[PROTOINFO]).get(1, b"")).get(1)
    return bytearray(value)[0] if value else -1


def request(number, family, entry, timeout):
    """The tuple as the kernel gave it, and a timeout: with NAT attributes the kernel would refuse a NATed entry."""
    body = struct.pack("=BBH", family, 0, 0) + attribute(TUPLE_ORIG | NESTED, entry[TUPLE_ORIG])
    if ZONE in entry:
        body += attribute(ZONE, entry[ZONE])
    body += attribute(TIMEOUT, struct.pack("!I", timeout))
    # REPLACE without CREATE: an entry that is gone by now stays gone.
    return struct.pack("=IHHII", 16 + len(body), CT_NEW, REQUEST | ACK | REPLACE, number, 0) + body


def send(netlink, batch):
    """Sends the requests and counts how many were done, and how many failed but for entries that are gone."""
    netlink.send(b"".join(batch))
    done = failed = 0
    answers = 0
    while answers < len(batch):
        data, at = netlink.recv(1 << 16), 0
        while at + 20 <= len(data):
            length, kind = struct.unpack_from("=IH", data, at)
            if kind == NLMSG_ERROR:
                code = -struct.unpack_from("=i", data, at + 16)[0]
                answers += 1
                done += code == 0
                failed += code not in (0, errno.ENOENT, errno.ETIME)
            at += (max(length, 16) + 3) & ~3
    return done, failed


def oldest_clock(old, wanted):
    """Entries with more left than OLD run on an even older timeout, which was at least the most that any has left."""
    most = old
    for seen, (_, remaining, _) in enumerate(entries(wanted)):
        most = max(most, remaining)
        if seen >= SAMPLE:
            break
    return most


def main(old, new, floor, seconds, name):
    ends = time.time() + seconds
    wanted, shortest = STATES[name]
    stale = oldest_clock(old, wanted)
    floor = max(floor, new, shortest)
    netlink, batch = ctnetlink(), []
    moved = expiring = left = failed = 0
    finished = "complete"
    for family, remaining, entry in entries(wanted):
        if remaining <= floor:
            left += 1
            continue
        idle = max(0, (old if remaining <= old else stale) - remaining)
        timeout = max(1, new - idle)
        expiring += timeout == 1
        batch.append(request(moved + len(batch) + 1, family, entry, timeout))
        if len(batch) == BATCH:
            done, refused = send(netlink, batch)
            moved, failed, batch = moved + done, failed + refused, []
            if time.time() > ends:
                finished = "incomplete"
                break
    if batch:
        done, refused = send(netlink, batch)
        moved, failed = moved + done, failed + refused
    if expiring:
        sweep()
    print(moved, expiring, left, failed, finished)


main(*(int(word) for word in sys.argv[1:5]), sys.argv[5])
