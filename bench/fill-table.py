#!/usr/bin/python3
"""Fills the connection tracking table like that of a busy NAT instance: 80 % TCP, 45 % of all entries from one host.

Usage: python3 fill-table.py FIRST COUNT
    adds COUNT entries of an endless list, from number FIRST on; the list is the same on every run

Speaks ctnetlink itself: `conntrack -R` asks the kernel once per entry, which takes twice as long.
"""
import socket
import struct
import sys

NEW, CREATE, ACK = 0x100, 0x601, 4
TUPLE_ORIG, TUPLE_REPLY, STATUS, PROTOINFO, TIMEOUT = 1, 2, 3, 4, 7
NESTED = 0x8000
TCP, UDP = 6, 17
UNREPLIED, REPLIED, ASSURED = 8, 8 | 2, 8 | 2 | 4
SYN_SENT, ESTABLISHED, FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT = 1, 3, 4, 5, 6, 7
# Share of all entries, protocol, port, status, TCP state.
KINDS = (
    (0.50, TCP, 443, ASSURED, ESTABLISHED),
    (0.15, TCP, 443, ASSURED, TIME_WAIT),
    (0.05, TCP, 8443, UNREPLIED, SYN_SENT),
    (0.04, TCP, 5432, ASSURED, CLOSE_WAIT),
    (0.04, TCP, 443, ASSURED, FIN_WAIT),
    (0.02, TCP, 443, ASSURED, LAST_ACK),
    (0.08, UDP, 443, ASSURED, None),
    (0.06, UDP, 53, REPLIED, None),
    (0.06, UDP, 123, UNREPLIED, None),
)
NAT_ADDRESS = socket.inet_aton("10.61.0.1")
HEAVY_HOST = socket.inet_aton("10.60.0.20")
HOSTS = [socket.inet_aton("10.60.%d.%d" % (1 + n // 250, 1 + n % 250)) for n in range(1000)]
# Counts without a common divisor: a port and a destination meet again only after 300 million entries.
DESTINATIONS = [socket.inet_aton("198.18.%d.%d" % (n // 250, 1 + n % 250)) for n in range(4999)]
PORTS = range(1024, 65535)
# Multiples of these, modulo one, are spread evenly, and the two are independent of each other.
GOLDEN, SILVER = 0.6180339887498949, 0.4142135623730951
SOURCE_MARK, DESTINATION_MARK, PORT_MARK, TIMEOUT_MARK = b"SRCE", b"DEST", b"\xa5\x01", b"TIME"


def main(first, count):
    templates = [(share, cut(entry(*kind))) for share, *kind in KINDS]
    netlink = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    netlink.bind((0, 0))
    refused = 0
    for begin in range(first, first + count, 500):
        batch = [filled(templates, n) for n in range(begin, min(begin + 500, first + count))]
        batch[-1] = with_acknowledgement(batch[-1])
        netlink.send(b"".join(batch))
        refused += refusals(netlink)
    if refused:
        sys.exit("%d entries were refused" % refused)


def filled(templates, n):
    """The message of the entry number n."""
    spread = n * GOLDEN % 1
    for share, template in templates:
        spread -= share
        if spread < 0:
            break
    source = HEAVY_HOST if n * SILVER % 1 < 0.45 else HOSTS[n % len(HOSTS)]
    values = {
        SOURCE_MARK: source,
        DESTINATION_MARK: DESTINATIONS[n % len(DESTINATIONS)],
        PORT_MARK: struct.pack(">H", PORTS[n % len(PORTS)]),
        # Between one and five days, so that no entry ends while it is measured; read as idle for up to four.
        TIMEOUT_MARK: struct.pack(">I", 86400 + n * 7919 % 345600),
    }
    return b"".join([values.get(piece, piece) for piece in template])


def entry(protocol, port, status, state):
    """A message with marks in place of what differs between entries of one kind."""
    far_port = struct.pack(">H", port)
    body = (
        tuple_of(TUPLE_ORIG, protocol, SOURCE_MARK, DESTINATION_MARK, PORT_MARK, far_port)
        + tuple_of(TUPLE_REPLY, protocol, DESTINATION_MARK, NAT_ADDRESS, far_port, PORT_MARK)
        + attribute(STATUS, struct.pack(">I", status))
        + attribute(TIMEOUT, TIMEOUT_MARK)
    )
    if state is not None:
        body += attribute(PROTOINFO | NESTED, attribute(1 | NESTED, attribute(1, bytes([state]))))
    return struct.pack("=IHHIIBBH", 20 + len(body), NEW, CREATE, 0, 0, socket.AF_INET, 0, 0) + body


def cut(message):
    """The pieces of a message, its marks apart."""
    pieces = [message]
    for mark in (SOURCE_MARK, DESTINATION_MARK, PORT_MARK, TIMEOUT_MARK):
        parted = []
        for piece in pieces:
            for part in piece.split(mark):
                parted += [part, mark]
            parted.pop()
        pieces = parted
    return pieces


def with_acknowledgement(message):
    """The kernel answers this message in any case, and so tells that it is done with those before it."""
    return message[:6] + struct.pack("=HI", CREATE | ACK, 1) + message[12:]


def refusals(netlink):
    """How many entries of a batch the kernel did not take."""
    refused = 0
    while True:
        data, at = netlink.recv(1 << 16), 0
        while at < len(data):
            length, _, _, sequence, _, code = struct.unpack_from("=IHHIIi", data, at)
            refused += code != 0
            if sequence == 1:
                return refused
            at += (length + 3) & ~3


def tuple_of(number, protocol, source, destination, source_port, destination_port):
    addresses = attribute(1, source) + attribute(2, destination)
    ports = attribute(1, bytes([protocol])) + attribute(2, source_port) + attribute(3, destination_port)
    return attribute(number | NESTED, attribute(1 | NESTED, addresses) + attribute(2 | NESTED, ports))


def attribute(number, value):
    return struct.pack("=HH", 4 + len(value), number) + value + bytes(-len(value) % 4)


main(int(sys.argv[1]), int(sys.argv[2]))
