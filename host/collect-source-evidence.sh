#!/bin/sh
# collect-source-evidence - how near a private host behind the NAT is to the end of its own ports, as one line of JSON.
#
# USAGE
#   collect-source-evidence.sh
#   Runs on a client of the NAT, not on the NAT. Anybody may run it.
#
# READS
#   The host's TCP sockets, by `ss` (else /proc/net/tcp and tcp6), and /proc/sys/net/ipv4/{ip_local_port_range,
#   ip_local_reserved_ports,tcp_tw_reuse,tcp_timestamps}. One pass, in memory that does not grow with the sockets.
#
# CHANGES
#   Nothing.
#
# OVERHEAD
#   About 0.1 s of CPU for 30,000 sockets, at nice 10; it stops after 15 s. Less than 2 kB of output.
#
# EXAMPLE
#   {"schema":"nat-medic/source-evidence/1","platform":"linux","takenAt":1795244993,"portRange":[32768,60999],
#   "reservedPorts":0,"reserved":"","timeWaitReuse":2,"timestamps":1,"listeners":[8080],"established":27100,"timeWait":800,
#   "destinations":[{"address":"203.0.113.7","port":443,"established":27012,"timeWait":800}],"unread":[]}
#
# shellcheck disable=SC2016,SC2046,SC2086 # awk's own $1 in single quotes; $AWK, $NICE and the range are words to split.
set -u
LC_ALL=C
export LC_ALL
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
# Tests point this at a captured tree.
ROOT=${NAT_MEDIC_ROOT:-}

have() { command -v "$1" >/dev/null 2>&1; }

# `cat`, never `read <`: the shells read byte by byte, and /proc/sys answers only the first.
setting() { cat "$ROOT/proc/sys/net/ipv4/$1" 2>/dev/null; }
small_or_null() { case $1 in [0-2]) printf %s "$1" ;; *) printf null ;; esac }

limited() { # command...
  if have timeout; then timeout -s KILL 15 "$@"; else "$@"; fi
}

# One line per socket: state, local end, remote end.
sockets() {
  if have ss; then
    limited $NICE ss -Htan | $AWK '{ print $1, $4, $5 }'
    return
  fi
  for file in tcp tcp6; do
    [ ! -r "$ROOT/proc/net/$file" ] || limited $NICE cat "$ROOT/proc/net/$file"
  done | $AWK '
    function number(digits, i, n) {
      n = 0
      for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789ABCDEF", substr(digits, i, 1)) - 1
      return n
    }
    # The bytes of each 32-bit word of an address are in the order of a little-endian machine.
    function dotted(word) {
      return number(substr(word, 7, 2)) "." number(substr(word, 5, 2)) "." number(substr(word, 3, 2)) "." number(substr(word, 1, 2))
    }
    function word6(word) {
      return tolower(substr(word, 7, 2) substr(word, 5, 2) ":" substr(word, 3, 2) substr(word, 1, 2))
    }
    function end(text, part) {
      split(text, part, ":")
      if (length(part[1]) == 8) return dotted(part[1]) ":" number(part[2])
      if (substr(part[1], 1, 24) == "0000000000000000FFFF0000") return dotted(substr(part[1], 25)) ":" number(part[2])
      return "[" word6(substr(part[1], 1, 8)) ":" word6(substr(part[1], 9, 8)) ":" word6(substr(part[1], 17, 8)) ":" \
        word6(substr(part[1], 25)) "]:" number(part[2])
    }
    $4 ~ /^[0-9A-F][0-9A-F]$/ { print ($4 == "0A" ? "LISTEN" : ($4 == "06" ? "TIME-WAIT" : "ESTAB")), end($2), end($3) }'
}

# Remote ends by Misra-Gries, which errs low: by less than a thousandth of the sockets. An end near its limit has many.
summarize() { # first last reserved
  $AWK -v first="$1" -v last="$2" -v reserved="$3" '
    function ports(text, list, bounds, n, i, sum, from, to) {
      n = split(text, list, ",")
      for (i = 1; i <= n; i++) {
        if (split(list[i], bounds, "-") < 2) bounds[2] = bounds[1]
        from = (bounds[1] < first ? first : bounds[1]) + 0
        to = (bounds[2] > last ? last : bounds[2]) + 0
        if (to >= from) sum += to - from + 1
      }
      return sum + 0
    }
    function port_of(end) { sub(/^.*:/, "", end); return end + 0 }
    function address_of(end) {
      sub(/:[0-9]+$/, "", end)
      gsub(/^\[|\]$/, "", end)
      sub(/^::ffff:/, "", end)
      sub(/%.*$/, "", end)
      return end
    }
    function tally(key, waits, other) {
      if (key in total) { total[key]++; if (waits) waiting[key]++ }
      else if (kept < KEEP) { total[key] = 1; waiting[key] = waits; kept++ }
      else for (other in total) if (--total[other] == 0) { delete total[other]; delete waiting[other]; kept-- }
    }
    BEGIN { KEEP = 1024 }
    NF < 3 { next }
    $1 == "LISTEN" {
      p = port_of($2)
      if (p >= 1024 && (p < first || p > last) && !(p in heard) && listeners < 40) {
        heard[p] = 1
        listeners++
      }
      next
    }
    {
      # What came in holds no port of the range.
      p = port_of($2)
      if (p < first || p > last) next
      waits = ($1 == "TIME-WAIT")
      if (waits) time_wait++
      else established++
      tally(address_of($3) " " port_of($3), waits)
    }
    END {
      printf "\"reservedPorts\":%d,\"listeners\":[", ports(reserved)
      n = 0
      for (p = 1024; p <= 65535; p++) if (p in heard) printf "%s%d", (n++ ? "," : ""), p
      printf "],\"established\":%d,\"timeWait\":%d,\"destinations\":[", established, time_wait
      for (n = 0; n < 10; ) {
        best = ""
        # Ties go by name, so that every awk prints the same.
        for (key in total) if (best == "" || total[key] > total[best] || (total[key] == total[best] && key < best)) best = key
        if (best == "") break
        split(best, part, " ")
        if (part[1] ~ /^[0-9a-fA-F.:]+$/ && length(part[1]) >= 2 && length(part[1]) <= 45) {
          waits = (waiting[best] > total[best] ? total[best] : waiting[best])
          printf "%s{\"address\":\"%s\",\"port\":%d,\"established\":%d,\"timeWait\":%d}", \
            (n++ ? "," : ""), part[1], part[2], total[best] - waits, waits
        }
        delete total[best]
      }
      printf "]"
    }'
}

main() {
  AWK='awk'
  if have mawk; then
    AWK=mawk
  elif have gawk; then
    AWK='gawk -b'
  elif ! have awk && have busybox; then
    AWK='busybox awk'
  fi
  NICE=
  have nice && NICE='nice -n 10'
  set -- $(setting ip_local_port_range)
  case ${1:-x}${2:-x} in
    *[!0-9]*)
      # Fits no schema, and so counts as a host that could not be read.
      echo '{"schema":"nat-medic/source-evidence/1","unread":["ip_local_port_range cannot be read"]}'
      exit 0
      ;;
  esac
  reserved=$(setting ip_local_reserved_ports)
  told="\"$reserved\""
  case $reserved in *[!0-9,-]*) reserved='' told=null ;; esac
  [ ${#reserved} -le 160 ] || told=null
  printf '{"schema":"nat-medic/source-evidence/1","platform":"linux","takenAt":%s,"portRange":[%s,%s],"reserved":%s,' \
    "$(date +%s)" "$1" "$2" "$told"
  printf '"timeWaitReuse":%s,"timestamps":%s,' "$(small_or_null "$(setting tcp_tw_reuse)")" \
    "$(small_or_null "$(setting tcp_timestamps)")"
  printf '%s,"unread":[]}\n' "$(sockets 2>/dev/null | summarize "$1" "$2" "$reserved")"
  exit 0
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
