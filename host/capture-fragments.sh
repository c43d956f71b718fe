#!/bin/sh
# capture-fragments - who sends this NAT instance packets in fragments?
#
# USAGE
#   SSM_Interface  the interface to listen on: the one that the default route leaves by
#   SSM_Seconds    how long to listen, 1 to 20 (default 20)
#   As root. Runs only when a person asks for it: it captures packets, though of each no more than its headers.
#
# READS
#   At most 200 IPv4 fragments that arrive or leave, by tcpdump with a filter in the kernel. Nothing is written to disk:
#   each is one line of text in a pipe, and what comes out is numbers.
#
# CHANGES
#   Nothing. The interface is not put into promiscuous mode.
#
# OVERHEAD
#   The kernel's filter runs for each packet: do not use it above half a million packets a second. It ends by itself
#   after 20 seconds or 200 fragments, and dies with whoever runs it.
#
# EXAMPLE
#   {"schema":"nat-medic/fragment-capture/1","status":"done","reason":"","seconds":20,"fragments":42,"tcp":0,
#   "limited":false,"senders":[["203.0.113.7",42]]}
#
# shellcheck disable=SC2016,SC2086 # awk's own $1 in single quotes; $AWK is words to split.
set -u
LC_ALL=C
export LC_ALL
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac

MOST=200
# More fragments, or the offset of one: every fragment, the first as well.
FILTER='ip[6:2] & 0x3fff != 0'

have() { command -v "$1" >/dev/null 2>&1; }

answer() { # status reason seconds numbers
  printf '{"schema":"nat-medic/fragment-capture/1","status":"%s","reason":"%s","seconds":%s,%s}\n' "$1" "$2" "$3" "$4"
  exit 0
}
refuse() { answer refused "$1" 0 '"fragments":0,"tcp":0,"limited":false,"senders":[]'; }

choose_awk() {
  AWK='awk'
  if have mawk; then
    AWK=mawk
  elif ! have awk; then
    have busybox || refuse 'awk is missing'
    AWK='busybox awk'
  fi
}

# Of two lines each, from `tcpdump -v`: IP (tos 0x0, ttl 63, id 1, offset 0, flags [+], proto ICMP (1), length 1500)
#     203.0.113.7 > 10.0.0.5: ICMP echo reply, id 1, seq 1, length 1480
# From the second on a fragment has no ports; the first of TCP or UDP has them behind the address.
count() {
  $AWK -v most="$MOST" '
    /^IP / && /proto / { tcp += /proto TCP/; next }
    $2 == ">" {
      fragments++
      sender = $1
      if (split(sender, part, ".") == 5) sub(/\.[^.]*$/, "", sender)
      if (sender ~ /^[0-9.]+$/ && length(sender) <= 15) from[sender]++
    }
    END {
      printf "\"fragments\":%d,\"tcp\":%d,\"limited\":%s,\"senders\":[", fragments, tcp, (fragments >= most ? "true" : "false")
      for (n = 0; n < 10; n++) {
        best = ""
        for (one in from) if (best == "" || from[one] > from[best] || (from[one] == from[best] && one < best)) best = one
        if (best == "") break
        printf "%s[\"%s\",%d]", (n ? "," : ""), best, from[best]
        delete from[best]
      }
      printf "]"
    }'
}

main() {
  interface=${SSM_Interface:-}
  seconds=${SSM_Seconds:-20}
  case $interface in '' | -* | *[!A-Za-z0-9_.-]*) refuse 'the interface must be the name of one' ;; esac
  [ -e "/sys/class/net/$interface" ] || refuse 'there is no such interface'
  case $seconds in [1-9] | 1[0-9] | 20) ;; *) refuse 'the time must be 1 to 20 seconds' ;; esac
  [ "$(id -u)" = 0 ] || refuse 'only root may capture packets'
  have tcpdump || refuse 'tcpdump is missing'
  have timeout || refuse 'timeout is missing, so the capture would have no end'
  choose_awk
  began=$(date +%s)
  # -l: line by line, or what it has seen is lost when it is stopped.
  numbers=$(listen | count_and_check) || numbers=$(listen -Z root | count_and_check) ||
    refuse 'tcpdump could not listen on the interface'
  answer 'done' '' $(($(date +%s) - began)) "$numbers"
}

# It gives up root for a user of its own by itself; where that user is missing it does not begin, and is told to stay.
listen() { # options
  timeout -k 2 "$seconds" tcpdump -l -nn -t -v -p "$@" -i "$interface" -s 96 -c "$MOST" "$FILTER" 2>/dev/null
  echo "ended $?"
}

# What tcpdump ends with: 0 at the limit of packets, 124 or by signal at the limit of time; 1 when it could not begin.
count_and_check() {
  lines=$(cat)
  case $lines in *'ended 1') return 1 ;; esac
  printf '%s\n' "$lines" | count
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
