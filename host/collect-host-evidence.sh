#!/bin/sh
# collect-host-evidence - what the kernel of a NAT instance knows about its connections, as one line of JSON.
#
# USAGE
#   collect-host-evidence.sh
#   SSM_SampleSeconds    seconds between the two counter samples (default 5)
#   SSM_DumpEntries      entries of the connection table to read at most, 0 for none (default 65536)
#   SSM_DeadlineSeconds  seconds after which it stops waiting for anything (default 45)
#   As root it reads everything; as anybody else what it could not read is null, and `unread` says why.
#
# READS
#   /proc/net/stat/nf_conntrack (else `conntrack -S`), /proc/net/{snmp,netstat,sockstat,softnet_stat,route,stat/arp_cache},
#   /proc/{stat,meminfo,uptime,cmdline}, some of /proc/sys/net, /sys/class/net, `ethtool -S`, `-i` and `-g`, `dmesg` (else
#   `journalctl -k`), the rules of the packet filters that are loaded (nat-rules.sh), the head of the connection table,
#   and the files that a reboot would apply (persistence.sh).
#   The table's hash is keyed, so the head of a dump is a uniform random sample: the cost stops growing with the table.
#
# CHANGES
#   Nothing. It loads no module that tracks connections or filters packets; where nf_conntrack_netlink is a module that nobody has
#   used yet, the kernel loads it when a table of more than 20,000 entries is read, as for any `conntrack -L`.
#
# OVERHEAD
#   On Linux 6.18, one slow core, with the usual 65,536 entries: 0.16 s of CPU at 10,000 entries, 0.57 s at 100,000 and
#   0.58 s at 250,000 (three pipelines over `conntrack -L` for the same questions: 0.2, 1.5 and 3.9 s). Peak memory of
#   any of its processes below 14 MB. The dump runs at nice 10. 4 kB of output, 12 at most.
#
# EXAMPLE
#   {"schema":"nat-medic/host-evidence/1","takenAt":1795244993,"uptime":33.18,"took":1.76,
#   "kernel":"6.1.0-56-cloud-amd64","cpus":2,"memory":{"totalKiB":995356,"availableKiB":854040},
#   "conntrack":{"loaded":true,"count":25,"max":8192,"buckets":8192},
#   "timeouts":{"tcp_timeout_close":10,...,"generic_timeout":600},"window":1.03,
#   "counters":{"conntrack.drop":[0,0],"ip.ForwDatagrams":[87,24],...,"softnet.processed":[461,70]},
#   "table":{"reader":"conntrack","seconds":0.49,"entries":20,"complete":true,"protocols":{"tcp":20},...,
#   "unansweredDestinations":[],"unansweredLately":[],"remapped":0,"undercount":0},
#   "kernelLog":{"tableFull":0,"tableFullLastAt":null,"tableFullOtherNamespace":0,...,"others":{}},
#   "parameters":{"net.ipv4.ip_forward":[1],"net.ipv4.ip_local_port_range":[32768,60999],...},
#   "gauges":{"tcp.inuse":0,"tcp.orphan":0,"tcp.tw":0,"frag.inuse":0,"frag.memory":0,"arp.entries":1},
#   "interfaces":[{"name":"wan0","mtu":1500,"defaultRoute":true,"driver":"veth","driverVersion":"1.0","rxRing":null}],
#   "rules":{"readers":["iptables-nft","nft"],"nat":[{"backend":"iptables-nft","action":"masquerade",
#   "source":"10.60.0.0/16",...,"specification":"POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE"}],...},
#   "persistence":{"owner":"none","max":null,...,"moduleLoadedAtBoot":false},"unread":[]}
#
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2086 # awk's own $1 in single quotes; $AWK, $NICE and lists of files are words to split.
set -u
LC_ALL=C
export LC_ALL
# An ordinary user's PATH lacks the directories of conntrack and ethtool.
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
# Tests point this at a captured tree.
ROOT=${NAT_MEDIC_ROOT:-}

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/nat-rules.sh"

SYSCTL=$ROOT/proc/sys/net/netfilter
# Below 6.18 every read of /proc/net/nf_conntrack walks the hash from its start: 100,000 entries took 90 s.
MOST_ENTRIES_BY_PROC=20000
UNREAD=
NEWLINE='
'

have() { command -v "$1" >/dev/null 2>&1; }

# Notes what could not be read, one line each.
unread() { UNREAD=$UNREAD$1$NEWLINE; }

# `cat`, never `read <`: the shells read byte by byte, and /proc/sys answers only the first.
value_of() { [ -r "$1" ] && cat "$1" 2>/dev/null; }

whole_number() { # value default
  case $1 in '' | *[!0-9]* | ??????????*) echo "$2" ;; *) echo "$1" ;; esac
}

number_or_null() {
  case $1 in '' | *[!0-9]*) printf null ;; *) printf %s "$1" ;; esac
}

# Sets NOW, in seconds since boot. No fork: on a host without CPU time to spare each one waits its turn.
look_at_clock() { read -r NOW _ <"$ROOT/proc/uptime" || NOW=0; }

# Runs what may hang, for so many seconds at most and never past the deadline.
limited() { # seconds command...
  limit=$1
  shift
  look_at_clock
  left=$((DEADLINE - ${NOW%%.*} + ${STARTED%%.*} - 3))
  [ "$left" -ge "$limit" ] || limit=$left
  [ "$limit" -ge 1 ] || return 124
  if have timeout; then timeout -s KILL "$limit" "$@"; else "$@"; fi
}

# Between two looks at the clock, which has two decimals. (A leading 1 keeps "08" from being read as octal.)
hundredths_between() { # since until
  echo $(((${2%%.*} - ${1%%.*}) * 100 + 1${2##*.} - 1${1##*.}))
}
as_seconds() { # hundredths
  printf '%d.%02d' $(($1 / 100)) $(($1 % 100))
}

# mawk is the fastest and smallest; gawk counts bytes, not characters, only with -b.
choose_awk() {
  AWK='awk'
  if have mawk; then
    AWK=mawk
  elif have gawk; then
    AWK='gawk -b'
  elif have busybox && busybox awk 'BEGIN { exit 0 }' 2>/dev/null; then
    AWK='busybox awk'
  elif ! have awk; then
    # Without an awk nothing can be measured: this fits no schema, and so counts as a host that could not be read.
    echo '{"schema":"nat-medic/host-evidence/1","unread":["awk: not found"]}'
    exit 0
  fi
  NICE=
  have nice && NICE='nice -n 10'
}

# --- Counters -------------------------------------------------------------------------------------------------

# The network cards; on a machine without any (a guest, a container) the first interfaces that are no port of a bridge.
# And that by which the default route leaves, OUTER, whatever it is.
choose_interfaces() {
  CARDS=
  OTHERS=
  for path in "$ROOT"/sys/class/net/*; do
    name=${path##*/}
    case $name in lo | docker* | br-* | '*' | *[!A-Za-z0-9_.-]*) continue ;; esac
    [ "${#name}" -le 15 ] || continue
    if [ -e "$path/device" ]; then
      CARDS="$CARDS $name"
    elif [ ! -e "$path/master" ]; then
      OTHERS="$OTHERS $name"
    fi
  done
  OUTER=
  # Up and not a rejection, as its flags say; the kernel takes the one of the lowest metric.
  [ -r "$ROOT/proc/net/route" ] && OUTER=$($AWK '
    $2 == "00000000" && $8 == "00000000" && $4 ~ /[13579bdfBDF]$/ && $4 !~ /[2367abefABEF]..$/ &&
      $1 ~ /^[A-Za-z0-9_.-]+$/ && (name == "" || $7 + 0 < metric) { name = $1; metric = $7 + 0 }
    END { print substr(name, 1, 15) }' "$ROOT/proc/net/route")
  set -- ${CARDS:-$OTHERS}
  INTERFACES="${1:-} ${2:-} ${3:-} ${4:-}"
  case " $INTERFACES " in *" $OUTER "*) ;; *) INTERFACES="$OUTER $INTERFACES" ;; esac
  # A bridge has no driver with counters of its own.
  ASKED=
  for name in $INTERFACES; do [ -d "$ROOT/sys/class/net/$name/bridge" ] || ASKED="$ASKED $name"; done
}

# Prints `<group>.<counter> <total>` lines and `uptime <seconds>`.
sample_counters() {
  sources=
  for file in net/stat/nf_conntrack net/snmp net/netstat net/softnet_stat net/stat/arp_cache stat; do
    [ -r "$ROOT/proc/$file" ] && sources="$sources $ROOT/proc/$file"
  done
  for name in $INTERFACES; do
    for counter in rx_dropped tx_dropped rx_over_errors; do
      file=$ROOT/sys/class/net/$name/statistics/$counter
      [ -r "$file" ] && sources="$sources $file"
    done
  done
  $AWK '
    function hex(digits, i, n) {
      n = 0
      for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
      return n
    }
    FNR == 1 {
      source = FILENAME
      sub(/^.*\/(proc|sys\/class)\//, "", source)
      split(source, step, "/")
      heading = ""
    }
    source == "net/stat/nf_conntrack" {
      if (FNR == 1) {
        for (i = 1; i <= NF; i++) name[i] = (($i in CONNTRACK) ? CONNTRACK[$i] : "")
        next
      }
      for (i = 2; i <= NF; i++) if (name[i] != "") total["conntrack." name[i]] += hex($i)
      next
    }
    source == "net/stat/arp_cache" {
      if (FNR == 1) { for (i = 1; i <= NF; i++) name[i] = $i; next }
      for (i = 2; i <= NF; i++)
        if (name[i] ~ /^(table_fulls|forced_gc_runs|unresolved_discards)$/) total["arp." name[i]] += hex($i)
      next
    }
    source == "net/snmp" || source == "net/netstat" {
      if (heading != $1) { heading = $1; for (i = 2; i <= NF; i++) name[i] = $i; next }
      heading = ""
      group = tolower(substr($1, 1, length($1) - 1))
      for (i = 2; i <= NF; i++) if ((group "." name[i]) in WANTED) total[group "." name[i]] = $i
      next
    }
    source == "net/softnet_stat" {
      total["softnet.processed"] += hex($1)
      total["softnet.dropped"] += hex($2)
      total["softnet.squeezed"] += hex($3)
      next
    }
    source == "stat" && $1 == "cpu" {
      for (i = 2; i <= 9; i++) total["cpu.total"] += $i
      total["cpu.idle"] = $5 + $6
      total["cpu.softirq"] = $8
      total["cpu.steal"] = $9
      next
    }
    step[1] == "net" && step[3] == "statistics" { total[step[2] "." step[4]] = $1 }
    BEGIN {
      # The columns that mean something, by the names we use. Before 5.15 the eighth is `delete_list`, always 0.
      CONNTRACK["found"] = "found"; CONNTRACK["invalid"] = "invalid"; CONNTRACK["insert"] = "insert"
      CONNTRACK["insert_failed"] = "insert_failed"; CONNTRACK["drop"] = "drop"
      CONNTRACK["early_drop"] = "early_drop"; CONNTRACK["search_restart"] = "search_restart"
      CONNTRACK["clashres"] = "clash_resolved"; CONNTRACK["chainlength"] = "chain_too_long"
      n = split("ip.ForwDatagrams ip.InDiscards ip.OutDiscards ip.OutNoRoutes ip.ReasmTimeout ip.ReasmReqds " \
        "ip.ReasmFails ip.ReasmOKs ip.FragOKs ip.FragFails ip.FragCreates icmp.InDestUnreachs " \
        "icmp.OutDestUnreachs icmpmsg.InType3 icmpmsg.OutType3 tcp.AttemptFails tcp.EstabResets " \
        "tcp.RetransSegs tcp.OutRsts udp.RcvbufErrors tcpext.IPReversePathFilter tcpext.ListenDrops " \
        "tcpext.TCPTimeouts tcpext.TCPTimeWaitOverflow tcpext.TCPMemoryPressures tcpext.TCPAbortOnMemory " \
        "tcpext.PAWSActive tcpext.PAWSEstab tcpext.PAWSTimewait", list, " ")
      for (i = 1; i <= n; i++) WANTED[list[i]] = 1
    }
    END { for (key in total) printf "%s %.0f\n", key, total[key] }
  ' $sources
  [ -r "$ROOT/proc/net/stat/nf_conntrack" ] || sample_by_conntrack_tool
  sample_cards
  look_at_clock
  echo "uptime $NOW"
}

sample_by_conntrack_tool() {
  [ "$LOADED" = true ] && have conntrack || return 0
  limited 5 conntrack -S 2>/dev/null | $AWK '
    /^cpu=/ {
      for (i = 1; i <= NF; i++) {
        at = index($i, "=")
        name = substr($i, 1, at - 1)
        if (name == "clash_resolve") name = "clash_resolved"
        if (name == "chaintoolong") name = "chain_too_long"
        if (name ~ /^(found|invalid|insert|insert_failed|drop|early_drop|search_restart|clash_resolved|chain_too_long)$/)
          total[name] += substr($i, at + 1)
      }
    }
    END { for (name in total) printf "conntrack.%s %.0f\n", name, total[name] }'
}

# What ethtool says of each card to each of the options, after `#card <name>`. In one process to wait for.
ask_cards() { # option...
  have ethtool || return 0
  limited 8 sh -c 'options=$1; shift; for name; do echo "#card $name"; for option in $options; do ethtool "$option" "$name"; done; done' \
    sh "$*" $ASKED 2>/dev/null
}

# What each queue counts is summed: a frame found no descriptor to be received into, or waited for one to be sent from.
sample_cards() {
  ask_cards -S | $AWK '
    $1 == "#card" { card = $2; next }
    $2 !~ /^[0-9]+$/ { next }
    $1 ~ /^([a-z]+(_[a-z]+)?_allowance_(exceeded|available)|tx_timeout|total_resets|reset_fail|wd_expired|missing_tx_cmpl|suspected_poll_starvation|rx_overruns):$/ {
      printf "%s.%s %s\n", card, substr($1, 1, length($1) - 1), $2
    }
    $1 ~ /^queue_[0-9]+_(rx_empty_rx_ring|tx_queue_stop):$/ {
      sub(/^queue_[0-9]+_/, "", $1)
      total[card "." substr($1, 1, length($1) - 1)] += $2
    }
    END { for (counter in total) printf "%s %.0f\n", counter, total[counter] }'
}

# `"window":…,"counters":{…}` from two samples.
compare_samples() {
  printf '%s\n=\n%s\n' "$1" "$2" | $AWK '
    BEGIN {
      n = split("ip.ForwDatagrams ip.ReasmReqds ip.ReasmFails ip.FragFails ip.FragCreates " \
        "icmp.OutDestUnreachs tcpext.IPReversePathFilter arp.table_fulls", list, " ")
      for (i = 1; i <= n; i++) JUDGED[list[i]] = 1
      n = 0
    }
    $1 == "=" { second = 1; next }
    !second { before[$1] = $2; next }
    # A bound, whatever the cards print.
    NF == 2 && ($1 in after || n < 150) { if (!($1 in after)) order[++n] = $1; after[$1] = $2 }
    END {
      for (i = 1; i <= n; i++) {
        key = order[i]
        if (key == "uptime" || after[key] > 9007199254740991) continue
        delta = after[key] - before[key]
        # Per-CPU 32-bit counters: one of them went round.
        if (key ~ /^(conntrack|softnet)\./ && delta < -2147483648) delta += 4294967296
        # A zero is worth its bytes where it clears something of suspicion.
        if (after[key] == 0 && delta == 0 && key !~ /^(conntrack|softnet)\./ && key !~ /allowance/ && !(key in JUDGED)) continue
        gsub(/[^A-Za-z0-9_.-]/, "_", key)
        shown = shown (shown == "" ? "" : ",") sprintf("\"%s\":[%.0f,%.0f]", substr(key, 1, 80), after[order[i]], delta)
      }
      window = after["uptime"] - before["uptime"]
      printf "\"window\":%.2f,\"counters\":{%s}", (window > 0 ? window : 0.01), shown
    }'
}

# --- The connection table -------------------------------------------------------------------------------------

# A first dump would make the kernel load nf_conntrack_netlink.
dump_would_load_module() {
  [ ! -d "$ROOT/sys/module/nf_conntrack_netlink" ] || return 1
  for file in "$ROOT/lib/modules/$(uname -r)"/kernel/net/netfilter/nf_conntrack_netlink.ko*; do
    [ -e "$file" ] && return 0
  done
  return 1
}

# Where SIGPIPE is ignored, as below systemd, conntrack dumps on into a pipe that nobody reads: so it leaves its
# process id for the reader to end it by.
# shellcheck disable=SC2317 # Called by their names, below.
dump_by_conntrack() {
  limited 20 $NICE sh -c 'echo "#process $$" && exec conntrack -L'
}
# shellcheck disable=SC2317
dump_by_ctnetlink() {
  limited 20 $NICE python3 - $((DUMP_ENTRIES + 1)) <"$(dirname "$0")/dump-conntrack.py"
}
# shellcheck disable=SC2317
dump_by_proc() {
  limited 20 $NICE cat "$ROOT/proc/net/nf_conntrack"
}

can_read_by() {
  case $1 in
    conntrack) have conntrack ;;
    ctnetlink) have python3 ;;
    proc) [ -r "$ROOT/proc/net/nf_conntrack" ] && [ "$COUNT" -le "$MOST_ENTRIES_BY_PROC" ] ;;
  esac
}

# Tries the readers in turn; sets TABLE to JSON or to null.
read_table() {
  TABLE=null
  if [ "$LOADED" = false ]; then
    unread 'table: the kernel tracks no connections'
    return
  fi
  if [ "$DUMP_ENTRIES" -eq 0 ]; then
    unread 'table: not asked for'
    return
  fi
  readers='conntrack ctnetlink proc'
  dump_would_load_module && readers='proc conntrack ctnetlink'
  tried=
  for reader in $readers; do
    can_read_by "$reader" || continue
    tried="$tried $reader"
    look_at_clock
    dump_began=$NOW
    summary=$({
      "dump_by_$reader"
      echo "#status $?"
    } 2>/dev/null | summarize_table)
    [ -n "$summary" ] || continue
    look_at_clock
    TABLE="{\"reader\":\"$reader\",\"seconds\":$(as_seconds "$(hundredths_between "$dump_began" "$NOW")"),${summary%%"$NEWLINE"*}"
    [ "$summary" = "${summary#*"$NEWLINE"}" ] || unread "${summary#*"$NEWLINE"}"
    return
  done
  if [ -n "$tried" ]; then
    unread "table: failed by$tried$AS_NOBODY"
  else
    unread 'table: no conntrack, no python3, and not by /proc'
  fi
}

# One pass over `conntrack -L` or /proc/net/nf_conntrack lines, in memory that does not grow with the table:
# what can have many values is counted by Misra-Gries, which errs low, by `undercount` at most.
# Prints the rest of the table's JSON object and then what is wrong with it, a line each; or nothing at all when the
# reader failed before its first entry.
summarize_table() {
  $NICE $AWK -v most="$DUMP_ENTRIES" -v timeout="${ESTABLISHED:--1}" -v syn_sent="${SYN_SENT:--1}" -v counted="$COUNT" '
    function tally(table, name, key, other) {
      if (key in table) table[key]++
      else if (kept[name] < KEEP) { table[key] = 1; kept[name]++ }
      else {
        missed[name]++
        for (other in table) if (--table[other] == 0) { delete table[other]; kept[name]-- }
      }
    }
    # Ties go by name, so that every awk prints the same.
    function above(count, key, place) {
      return count > top_count[place] || (count == top_count[place] && key < top_key[place])
    }
    function rank(table, most_shown, key, n, at) {
      n = 0
      for (key in table) {
        if (n == most_shown && !above(table[key], key, n)) continue
        at = n < most_shown ? ++n : n
        for (; at > 1 && above(table[key], key, at - 1); at--) {
          top_count[at] = top_count[at - 1]
          top_key[at] = top_key[at - 1]
        }
        top_count[at] = table[key]
        top_key[at] = key
      }
      return n
    }
    function is_address(text) { return text ~ /^[0-9a-fA-F.:]+$/ && length(text) >= 2 && length(text) <= 45 }
    function addresses(table, n, i, list) {
      n = rank(table, 10)
      list = ""
      for (i = 1; i <= n; i++)
        if (is_address(top_key[i])) list = list (list == "" ? "" : ",") "[\"" top_key[i] "\"," top_count[i] "]"
      return "[" list "]"
    }
    function words(table, key, list, plain) {
      list = ""
      for (key in table) {
        plain = key
        gsub(/[^A-Za-z0-9_.-]/, "_", plain)
        list = list (list == "" ? "" : ",") "\"" substr(plain, 1, 40) "\":" table[key]
      }
      return "{" list "}"
    }
    function spaces(table, most_shown, n, i, list, part) {
      n = rank(table, most_shown)
      list = ""
      for (i = 1; i <= n; i++) {
        split(top_key[i], part, " ")
        if (!is_address(part[2]) || !is_address(part[3]) || part[4] !~ /^[0-9]+$/ || part[4] > 65535) continue
        gsub(/[^A-Za-z0-9_.-]/, "_", part[1])
        list = list (list == "" ? "" : ",") "{\"protocol\":\"" substr(part[1], 1, 40) "\",\"natAddress\":\"" \
          part[2] "\",\"address\":\"" part[3] "\",\"port\":" part[4] + 0 ",\"entries\":" top_count[i] "}"
      }
      return "[" list "]"
    }
    BEGIN { KEEP = 2048; status = -1; malformed = 0 }
    /^#/ {
      if ($1 == "#status") status = $2
      if ($1 == "#process" && NR == 1) process = $2
      next
    }
    entries >= most { more = 1; exit }
    {
      # Columns shift with the tool, the protocol and the kind of entry, so scan: an optional layer-3 prefix, the
      # protocol and its number, an optional timeout, words, the original tuple, words, the reply tuple, words.
      at = ($1 == "ipv4" || $1 == "ipv6") ? 3 : 1
      protocol = $at
      at += 2
      remaining = -1
      if ($at ~ /^[0-9]+$/) remaining = $(at++) + 0
      state = ""
      for (; at <= NF && substr($at, 1, 4) != "src="; at++) if ($at ~ /^[A-Z][A-Z0-9_]+$/) state = $at
      reply = at + 2
      while (reply <= NF && substr($reply, 1, 4) != "src=") reply++
      if (reply >= NF) { malformed++; next }
      entries++
      source = substr($at, 5)
      nat = substr($(reply + 1), 5)
      port = substr($(reply + 2), 1, 6) == "sport=" ? substr($(reply + 2), 7) : 0

      if (!(protocol in protocols) && kinds++ >= 15) protocol = "other"
      protocols[protocol]++
      tally(sources, "sources", source)
      # The reply tuple is what must be unique: it shows the real destination even behind a DNAT rule.
      tally(destinations, "destinations", protocol " " nat " " substr($reply, 5) " " port)
      if (nat != source && nat != substr($(at + 1), 5)) {
        tally(nats, "nats", nat)
        # The NAT keeps the port of the client unless it is taken.
        if ((protocol == "tcp" || protocol == "udp") && substr($(at + 2), 7) != substr($(reply + 3), 7)) remapped++
      }
      if (index($0, "[UNREPLIED]")) {
        unreplied++
        tally(silent, "silent", source)
        if (state == "SYN_SENT") {
          tally(vain, "vain", protocol " " nat " " substr($reply, 5) " " port)
          # Each SYN starts the timer anew: the last one of these left within the last 3 s.
          if (syn_sent - remaining <= 2) tally(fresh, "fresh", protocol " " nat " " substr($reply, 5) " " port)
        }
      }
      if (index($0, "[ASSURED]")) assured++
      else if (index($0, "OFFLOAD]")) offloaded++

      if (protocol != "tcp") next
      if (state != "" && ((state in states) || state_kinds++ < 15)) states[state]++
      if (state != "ESTABLISHED" || remaining < 0 || timeout < 0) next
      idle = timeout - remaining
      if (remaining <= 300) short_timer++
      else if (idle < 0) stale_timer++
      else if (idle < 60) under60++
      else if (idle < 300) under300++
      else if (idle < 3600) under3600++
      else if (idle < 7440) under7440++
      else if (idle < 21600) under21600++
      else if (idle < 86400) under86400++
      else over86400++
    }
    END {
      if (more && process > 1) system("kill " process " 2>/dev/null")
      if (entries == 0 && status != 0) exit
      worst = 0
      for (name in missed) if (missed[name] > worst) worst = missed[name]
      printf "\"entries\":%d,\"complete\":%s,", entries, (!more && status == 0 ? "true" : "false")
      printf "\"protocols\":%s,\"tcpStates\":%s,", words(protocols), words(states)
      printf "\"unreplied\":%d,\"assured\":%d,\"offloaded\":%d,", unreplied, assured, offloaded
      printf "\"establishedIdle\":{\"under60\":%d,\"under300\":%d,\"under3600\":%d,", under60, under300, under3600
      printf "\"under7440\":%d,\"under21600\":%d,\"under86400\":%d,", under7440, under21600, under86400
      printf "\"over86400\":%d,\"shortTimer\":%d,\"staleTimer\":%d},", over86400, short_timer, stale_timer
      printf "\"sources\":%s,\"unrepliedSources\":%s,", addresses(sources), addresses(silent)
      printf "\"natAddresses\":%s,\"destinations\":%s,", addresses(nats), spaces(destinations, 10)
      printf "\"unansweredDestinations\":%s,\"unansweredLately\":%s,", spaces(vain, 5), (syn_sent < 0 ? "null" : spaces(fresh, 5))
      printf "\"remapped\":%d,\"undercount\":%d}\n", remapped, worst
      if (malformed > 0) printf "table: %d lines of an unknown form were skipped\n", malformed
      # Old conntrack-tools list IPv4 alone.
      if (!more && entries < 0.9 * counted - 100) printf "table: %d of %d entries were listed\n", entries, counted
    }'
}

# --- The kernel's log -----------------------------------------------------------------------------------------

# Prints the JSON object, or nothing when the log may not be read. An empty answer proves nothing where `empty=no`.
summarize_log() { # empty
  $AWK -v empty="$1" '
    /^#status / && NF == 2 { status = $2; next }
    function note(name) { count[name]++; at[name] = time() }
    # With two decimals: as a number, an awk would round what is above a million to six digits.
    function time() { return match($0, /\[ *[0-9]+\.[0-9]+\]/) ? sprintf("%.2f", substr($0, RSTART + 1, RLENGTH - 2)) : "null" }
    { lines++ }
    /nf_conntrack: .*expectation table full/ { note("expectation-full"); next }
    /nf_conntrack: .*table full/ {
      # What 6.17 and later say of a namespace that is not the first.
      if (/table full in netns/) { other++; other_last = time(); next }
      full++
      last = time()
    }
    # Of IPv6 is ndisc_cache, which the limits of IPv4 do not touch.
    /neighbou?r.*table overflow/ && !/ndisc_cache/ { note("neighbour-overflow") }
    /Neighbour table overflow/ { note("neighbour-overflow") }
    /[^a-z]ena [0-9a-f]+:[0-9a-f]+:.*([Rr]eset|[Tt][Xx] [Cc]ompletion|completed on time|[Kk]eep alive watchdog)/ { note("ena-reset") }
    # A container at its own limit is told as "Memory cgroup out of memory".
    /Out of memory: Kill|TCP: out of memory/ { note("out-of-memory") }
    /soft lockup - CPU/ { note("soft-lockup") }
    /too many orphaned sockets/ { note("orphaned-sockets") }
    END {
      if (status != 0 || (lines == 0 && empty == "no")) exit
      if (full == 0) last = "null"
      if (other == 0) other_last = "null"
      printf "{\"tableFull\":%d,\"tableFullLastAt\":%s,\"tableFullOtherNamespace\":%d,", full, last, other
      printf "\"tableFullOtherNamespaceLastAt\":%s,\"others\":{", other_last
      for (name in count) printf "%s\"%s\":{\"lines\":%d,\"lastAt\":%s}", (shown++ ? "," : ""), name, count[name], at[name]
      printf "}}"
    }'
}

read_kernel_log() {
  KERNEL_LOG=
  have dmesg && KERNEL_LOG=$({
    limited 5 dmesg
    echo "#status $?"
  } 2>/dev/null | summarize_log yes)
  [ -z "$KERNEL_LOG" ] && have journalctl && KERNEL_LOG=$({
    limited 5 journalctl -k -b -q --no-pager -o short-monotonic
    echo "#status $?"
  } 2>/dev/null | summarize_log no)
  if [ -z "$KERNEL_LOG" ]; then
    KERNEL_LOG=null
    unread "kernelLog: neither dmesg nor journalctl answers$AS_NOBODY"
  fi
}

# --- Everything else ------------------------------------------------------------------------------------------

read_timeouts() {
  sources=
  for file in "$SYSCTL"/nf_conntrack_tcp_timeout_* "$SYSCTL"/nf_conntrack_udp_timeout* \
    "$SYSCTL"/nf_conntrack_icmp_timeout "$SYSCTL"/nf_conntrack_icmpv6_timeout \
    "$SYSCTL"/nf_conntrack_generic_timeout; do
    [ -r "$file" ] && sources="$sources $file"
  done
  [ -n "$sources" ] || return 0
  $AWK 'FNR == 1 && /^[0-9]+$/ {
    name = FILENAME
    sub(/^.*nf_conntrack_/, "", name)
    printf "%s\"%s\":%s", separator, name, $1
    separator = ","
  }' $sources
}

# Kernel parameters by their names, and what is so at this moment. What this kernel does not have is left out.
read_parameters() {
  set -- net.ipv4.ip_forward net.ipv4.conf.all.rp_filter net.ipv4.conf.default.rp_filter \
    net.ipv4.ip_local_port_range net.ipv4.tcp_tw_recycle net.ipv4.tcp_tw_reuse net.ipv4.tcp_timestamps \
    net.ipv4.neigh.default.gc_thresh1 net.ipv4.neigh.default.gc_thresh2 net.ipv4.neigh.default.gc_thresh3 \
    net.ipv4.ipfrag_high_thresh net.ipv4.ipfrag_time net.core.netdev_max_backlog \
    net.netfilter.nf_conntrack_tcp_be_liberal net.netfilter.nf_conntrack_tcp_loose \
    net.netfilter.nf_conntrack_acct net.netfilter.nf_conntrack_expect_max
  for name in $INTERFACES; do
    set -- "$@" "net.ipv4.conf.$name.rp_filter" "net.ipv4.conf.$name.forwarding"
  done
  $AWK -v root="$ROOT" -v interfaces="$INTERFACES" '
    function hex(digits, i, n) {
      n = 0
      for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
      return n
    }
    function path_of(name, n, list, i) {
      # A name of an interface may have dots of its own.
      n = split(interfaces, list, " ")
      for (i = 1; i <= n; i++)
        if (index(name, "net.ipv4.conf." list[i] ".") == 1 && substr(name, 16 + length(list[i])) !~ /\./)
          return "net/ipv4/conf/" list[i] "/" substr(name, 16 + length(list[i]))
      gsub(/\./, "/", name)
      return name
    }
    function numbers(file, line, n, i, part, list) {
      if ((getline line < file) <= 0) { close(file); return "" }
      close(file)
      n = split(line, part, /[ \t]+/)
      if (n > 3) return ""
      list = ""
      for (i = 1; i <= n; i++) {
        if (part[i] !~ /^[0-9]+$/ || length(part[i]) > 15) return ""
        list = list (i > 1 ? "," : "") part[i]
      }
      return list
    }
    function gauge(name, value) {
      if (value ~ /^[0-9]+$/ && length(value) <= 15) gauges = gauges (gauges == "" ? "" : ",") "\"" name "\":" value
    }
    BEGIN {
      for (i = 1; i < ARGC; i++) {
        value = numbers(root "/proc/sys/" path_of(ARGV[i]))
        if (value != "") parameters = parameters (parameters == "" ? "" : ",") "\"" ARGV[i] "\":[" value "]"
      }
      file = root "/proc/net/sockstat"
      while ((getline line < file) > 0) {
        n = split(line, part, " ")
        for (i = 2; i < n; i += 2) {
          key = tolower(substr(part[1], 1, length(part[1]) - 1)) "." part[i]
          if (key ~ /^(frag\.(inuse|memory)|tcp\.(inuse|orphan|tw))$/) gauge(key, part[i + 1])
        }
      }
      file = root "/proc/net/stat/arp_cache"
      # The first column says the same in the line of every processor.
      if ((getline line < file) > 0 && split(line, name, " ") && name[1] == "entries" && (getline line < file) > 0) {
        split(line, part, " ")
        if (part[1] ~ /^[0-9a-f]+$/ && length(part[1]) <= 8) gauge("arp.entries", hex(part[1]) "")
      }
      printf "\"parameters\":{%s},\"gauges\":{%s}", parameters, gauges
    }' "$@"
}

# Prints the list of interfaces: the driver and the ring as ethtool tells them.
read_interfaces() {
  ask_cards -i -g | $AWK -v root="$ROOT" -v interfaces="$INTERFACES" -v outer="$OUTER" '
    function plain(text, not_allowed) {
      gsub(not_allowed, "_", text)
      return text == "" ? "null" : "\"" substr(text, 1, 40) "\""
    }
    $1 == "#card" { card = $2; which = ""; next }
    $1 == "driver:" { driver[card] = plain($2, "[^A-Za-z0-9_.-]") }
    $1 == "version:" { version[card] = plain(substr($0, 10), "[^A-Za-z0-9_.,:;/()=%+ -]") }
    /^Pre-set maximums/ { which = "most" }
    /^Current hardware settings/ { which = "now" }
    $1 == "RX:" && which != "" && $2 ~ /^[0-9]+$/ && length($2) <= 9 { ring[card, which] = $2 }
    END {
      n = split(interfaces, list, " ")
      for (i = 1; i <= n; i++) {
        name = list[i]
        if ((getline mtu < (root "/sys/class/net/" name "/mtu")) <= 0) continue
        printf "%s{\"name\":\"%s\",\"mtu\":%d,", (shown++ ? "," : ""), name, (mtu ~ /^[0-9]+$/ && mtu <= 1000000 ? mtu : 0)
        printf "\"defaultRoute\":%s,", (name == outer ? "true" : "false")
        printf "\"driver\":%s,", (name in driver ? driver[name] : "null")
        printf "\"driverVersion\":%s,", (name in version ? version[name] : "null")
        if ((name SUBSEP "now") in ring && (name SUBSEP "most") in ring)
          printf "\"rxRing\":[%d,%d]}", ring[name, "now"], ring[name, "most"]
        else printf "\"rxRing\":null}"
      }
    }'
}

# Prints the fields that come from the machine itself.
read_machine() {
  $AWK -v kernel="$(uname -r)" '
    /^MemTotal:/ { total = $2 }
    /^MemAvailable:/ { available = $2 }
    /^cpu[0-9]/ { cpus++ }
    END {
      gsub(/[^A-Za-z0-9_.-]/, "_", kernel)
      printf "\"kernel\":\"%s\",\"cpus\":%d,", substr(kernel, 1, 40), (cpus > 0 ? cpus : 1)
      printf "\"memory\":{\"totalKiB\":%.0f,\"availableKiB\":%.0f}", total, available
    }' "$ROOT/proc/meminfo" "$ROOT/proc/stat"
}

read_persistence() { # settings
  at_boot=false
  module_is_built_in && at_boot=true
  printf '%s\n' "$1" | $AWK -v owner="$(network_owner)" -v at_boot="$at_boot" '
    function configured(what, file) {
      if (!(what in value)) return "null"
      file = path[what]
      gsub(/[^A-Za-z0-9_.,:;\/()=%+ -]/, "_", file)
      return sprintf("{\"value\":%.0f,\"file\":\"%s\"}", value[what], substr(file, 1, 160))
    }
    NF >= 3 && $1 != "unreadable" { value[$1] = $2; path[$1] = substr($0, length($1 $2) + 3) }
    END {
      if ("module" in value) at_boot = "true"
      printf "{\"owner\":\"%s\",\"max\":%s,\"buckets\":%s,", owner, configured("max"), configured("buckets")
      printf "\"hashsize\":%s,\"established\":%s,", configured("hashsize"), configured("established")
      printf "\"timeWait\":%s,\"ipForward\":%s,", configured("time_wait"), configured("ip_forward")
      printf "\"moduleLoadedAtBoot\":%s}", at_boot
    }'
}

unread_list() {
  printf %s "$UNREAD" | $AWK '
    NF && n < 20 {
      gsub(/[^A-Za-z0-9_.,:;\/()=%+ -]/, "_")
      printf "%s\"%s\"", (n++ ? "," : ""), substr($0, 1, 160)
    }'
}

wait_for_window() { # seconds the window is to last, since when
  look_at_clock
  rest=$(($1 * 100 - $(hundredths_between "$2" "$NOW")))
  [ "$rest" -gt 0 ] || return 0
  # Fractions are an extension of sleep that all but the oldest have.
  sleep "$(as_seconds "$rest")" 2>/dev/null || sleep $((rest / 100 + 1))
}

main() {
  choose_awk
  look_at_clock
  STARTED=$NOW
  DEADLINE=$(whole_number "${SSM_DeadlineSeconds:-}" 45)
  DUMP_ENTRIES=$(whole_number "${SSM_DumpEntries:-}" 65536)
  window=$(whole_number "${SSM_SampleSeconds:-}" 5)
  [ "$window" -le $((DEADLINE / 2)) ] || window=$((DEADLINE / 2))
  AS_NOBODY=
  [ "$(id -u)" = 0 ] || AS_NOBODY=' (not root)'

  LOADED=false
  [ -e "$SYSCTL/nf_conntrack_count" ] && LOADED=true
  COUNT=$(whole_number "$(value_of "$SYSCTL/nf_conntrack_count")" 0)
  ESTABLISHED=$(value_of "$SYSCTL/nf_conntrack_tcp_timeout_established")
  SYN_SENT=$(value_of "$SYSCTL/nf_conntrack_tcp_timeout_syn_sent")
  [ "$LOADED" = false ] || [ -n "$ESTABLISHED" ] || unread 'table.establishedIdle: the timeout cannot be read'

  choose_interfaces
  [ -z "$CARDS" ] || have ethtool || unread 'counters: no ethtool, so no allowances of the network cards'
  look_at_clock
  sampled=$NOW
  before=$(sample_counters)
  read_table
  read_kernel_log
  read_rules
  interfaces=$(read_interfaces)
  settings=$(persisted_settings)
  wait_for_window "$window" "$sampled"
  after=$(sample_counters)
  case $after in
    *conntrack.drop*) ;;
    *) [ "$LOADED" = false ] || unread 'counters: no statistics of connection tracking' ;;
  esac
  case $settings in *'unreadable '*) unread 'persistence: some configuration files are not readable' ;; esac
  compared=$(compare_samples "$before" "$after")
  machine=$(read_machine)
  case $machine in *'"availableKiB":0}') unread 'memory: /proc/meminfo does not say what is available' ;; esac
  persistence=$(read_persistence "$settings")
  look_at_clock
  printf '{"schema":"nat-medic/host-evidence/1","takenAt":%s,"uptime":%s,"took":%s,%s,' \
    "$(date +%s)" "$NOW" "$(as_seconds "$(hundredths_between "$STARTED" "$NOW")")" "$machine"
  printf '"conntrack":{"loaded":%s,"count":%s,"max":%s,"buckets":%s},"timeouts":{%s},%s,' "$LOADED" \
    "$(number_or_null "$(value_of "$SYSCTL/nf_conntrack_count")")" \
    "$(number_or_null "$(value_of "$SYSCTL/nf_conntrack_max")")" \
    "$(number_or_null "$(value_of "$SYSCTL/nf_conntrack_buckets")")" \
    "$(read_timeouts)" "$compared"
  printf '"table":%s,"kernelLog":%s,%s,"interfaces":[%s],"rules":%s,"persistence":%s,"unread":[%s]}\n' \
    "$TABLE" "$KERNEL_LOG" "$(read_parameters)" "$interfaces" "$RULES" "$persistence" "$(unread_list)"
  exit 0
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
