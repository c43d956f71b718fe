"""Connects to one destination in turns with and without TCP timestamps, inside the namespace of probe-timestamps.sh.

  connect-in-turns.py ADDRESS PORT NETWORK PAIRS UNTIL HOST_NAMESPACE

Checks that it is not in the host's own namespace before it sets anything. Each pair has an address of its own, NETWORK.2
and on, because the kernel draws the start of the timestamps for each pair of addresses: one address alone might by luck
have the latest clock. A dropped SYN is sent again after a second, so no attempt takes that long: an answer is an
answer to the first. Prints `with <n> <succeeded> without <n> <succeeded>`.
"""
import os, socket, sys, time

address, port, network, pairs, until, host = sys.argv[1:]
if os.readlink("/proc/self/ns/net") == host:
    sys.exit(1)
tries = 0
succeeded = {"1": 0, "0": 0}
for pair in range(int(pairs)):
    if time.time() >= int(until):
        break
    tries += 1
    # One kind first, then the other, so that whoever drops every second SYN does not drop always the same kind.
    for timestamps in ("10", "01")[pair % 2]:
        with open("/proc/sys/net/ipv4/tcp_timestamps", "w") as setting:
            setting.write(timestamps)
        try:
            socket.create_connection((address, int(port)), 0.9, (f"{network}.{pair + 2}", 0)).close()
            succeeded[timestamps] += 1
        except OSError:
            pass
print("with", tries, succeeded["1"], "without", tries, succeeded["0"])
