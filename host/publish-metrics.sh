#!/bin/sh
# publish-metrics - the state of this NAT instance as metrics of CloudWatch, once.
#
# USAGE
#   Run by nat-medic-metrics.timer every 10 or 60 seconds, which enrol-host.sh installs with this environment:
#   NAT_MEDIC_INSTANCE_ID  the instance, i-...
#   NAT_MEDIC_REGION       its Region
#   NAT_MEDIC_PERIOD       seconds between two runs, 10 or 60
#   NAT_MEDIC_TRANSPORT    agent, cli or auto: the agent where it listens, else the AWS CLI
#   NAT_MEDIC_LOG_GROUP    log group that the agent writes to
#
# READS
#   /proc/net/stat/nf_conntrack (else `conntrack -S`), nf_conntrack_count and _max, ip_forward, `ethtool -S` of the network cards,
#   the rules of the packet filters that are loaded (rule-readers.sh), /proc/net/udp. Never the connection table.
#
# CHANGES
#   /run/nat-medic/publisher: the counters of the last publication, and what was complained of. Nothing else.
#
# PUBLISHES
#   The metrics of core/metrics.ts. Counts are since the last publication that succeeded; after a restart, a gap of fifteen
#   minutes or another number of CPUs they begin anew. What could not be read is not published.
#   - agent: documents in the embedded metric format, to the CloudWatch agent at 127.0.0.1:25888 by UDP, from bash or python3.
#   - cli: `aws cloudwatch put-metric-data`, at most once a minute, for what it costs.
#   Which of them is looked at every time, so an agent that arrives later is found. A failure is logged once.
#
# OVERHEAD
#   On Linux 6.18, one slow core: by the agent 17 ms of CPU, 3 MB in the largest of its processes; by the CLI 0.7 s and 57 MB.
#   The size of the connection table does not matter: nothing here looks at it.
#
# EXAMPLE
#   {"_aws":{"Timestamp":1795244993000,"LogGroupName":"/nat-medic/metrics","LogStreamName":"i-0a1b2c3d4e5f67890",
#   "CloudWatchMetrics":[{"Namespace":"NatMedic","Dimensions":[["InstanceId"]],"Metrics":[
#   {"Name":"ConntrackUtilization","Unit":"Percent","StorageResolution":60},...]}]},
#   "InstanceId":"i-0a1b2c3d4e5f67890","ConntrackUtilization":12.34,...}
#
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2046,SC2086 # awk's own $1 in single quotes; $AWK, two forms of the time, and lists of words.
set -u
LC_ALL=C
export LC_ALL
umask 022
# In the last two images have the AWS CLI.
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin:/snap/bin ;; esac
# Tests point this at a tree of their own.
ROOT=${NAT_MEDIC_ROOT:-}
STATE=$ROOT/run/nat-medic/publisher
INSTANCE=${NAT_MEDIC_INSTANCE_ID:-}
REGION=${NAT_MEDIC_REGION:-}
PERIOD=${NAT_MEDIC_PERIOD:-60}
TRANSPORT=${NAT_MEDIC_TRANSPORT:-auto}
LOG_GROUP=${NAT_MEDIC_LOG_GROUP:-/nat-medic/metrics}
AGENT_PORT=25888

. "$(dirname "$0")/rule-readers.sh"

have() { command -v "$1" >/dev/null 2>&1; }

limited() { # seconds command...
  if have timeout; then timeout -s KILL "$@"; else
    shift
    "$@"
  fi
}

# --- What is told ---------------------------------------------------------------------------------------------

# To the journal, when it is not what was said last: a failure that lasts would fill it.
complain() { # what
  if [ ! -e "$STATE/complaint" ] || [ "$(cat "$STATE/complaint")" != "$1" ]; then
    echo "nat-medic: $1" >&2
    printf '%s\n' "$1" >"$STATE/complaint"
  fi
  exit 0
}

content() {
  if [ -e "$STATE/complaint" ]; then
    echo "nat-medic: metrics are published again" >&2
    rm -f "$STATE/complaint"
  fi
}

# --- What there is to look at ---------------------------------------------------------------------------------

choose_awk() {
  AWK='awk'
  if have mawk; then
    AWK=mawk
  elif have gawk; then
    AWK='gawk -b'
  elif ! have awk; then
    have busybox || complain 'no metrics: awk is missing'
    AWK='busybox awk'
  fi
}

# An image that was made of an enrolled instance carries its name: on Nitro the machine itself says which it is.
check_identity() {
  case $INSTANCE in i-????????*) ;; *) complain 'no metrics: the instance ID is missing, enrol the host again' ;; esac
  case ${INSTANCE#i-} in *[!0-9a-f]* | ??????????????????*) complain 'no metrics: the instance ID is none, enrol the host again' ;; esac
  tag=$ROOT/sys/class/dmi/id/board_asset_tag
  [ -r "$tag" ] || return 0
  tag=$(cat "$tag" 2>/dev/null)
  case $tag in
    "$INSTANCE") ;;
    i-????????*) complain "no metrics: this was enrolled as $INSTANCE and is another instance; State Manager will enrol it again" ;;
  esac
}

# Sets SENDER, which speaks UDP, and CLI.
find_transports() {
  SENDER=
  CLI=
  if [ "$TRANSPORT" != cli ]; then
    if have bash; then SENDER=bash; elif have python3; then SENDER=python3; fi
  fi
  [ "$TRANSPORT" = agent ] || ! have aws || CLI=aws
}

# The rules, each reader's between `#rules <reader>` and `#status <exit code>`.
tell_rules() {
  find_rule_readers
  # Where nft is, it alone knows all that is there.
  reader=iptables-nft
  if have nft; then reader=nft; elif [ "$NATIVE" = true ]; then reader=nobody; fi
  echo "#filters $LEGACY $NFT $reader"
  if [ "$LEGACY" = true ]; then
    # Only a table that is there already: to list another would make it.
    if grep -qx nat "$ROOT/proc/net/ip_tables_names"; then
      echo '#rules legacy'
      limited 3 "${LEGACY_SAVE:-false}" -t nat
      printf '\n#status %s\n' $?
    else
      printf '#rules legacy\n#status 0\n'
    fi
  fi
  [ "$NFT" = true ] || return 0
  if [ -n "$NFT_SAVE" ]; then
    echo '#rules iptables-nft'
    limited 3 "$NFT_SAVE" -t nat
    printf '\n#status %s\n' $?
  fi
  if have nft; then
    echo '#rules nft'
    limited 3 nft -t list ruleset || limited 3 nft list ruleset
    printf '\n#status %s\n' $?
  fi
}

# Of the network cards, eight at most; on a machine without any (a guest) of its other interfaces.
tell_cards() {
  have ethtool || return 0
  cards=
  others=
  for path in "$ROOT"/sys/class/net/*; do
    name=${path##*/}
    case $name in lo | docker* | br-* | veth* | '*' | *[!A-Za-z0-9_.-]*) continue ;; esac
    if [ -e "$path/device" ]; then
      cards="$cards $name"
    elif [ ! -e "$path/master" ] && [ ! -d "$path/bridge" ]; then
      others="$others $name"
    fi
  done
  set -- ${cards:-$others}
  while [ $# -gt 8 ]; do shift; done
  for name; do
    echo "#card $name"
    limited 3 ethtool -S "$name"
  done
}

tell_everything() {
  if [ ! -r "$ROOT/proc/net/stat/nf_conntrack" ] && [ -d "$ROOT/sys/module/nf_conntrack" ] && have conntrack; then
    echo '#conntrack'
    limited 3 conntrack -S
  fi
  tell_cards
  tell_rules
}

# --- From the kernel's numbers to a message -------------------------------------------------------------------

# Prints what is to be done with $STATE/message: agent, cli, wait (the last publication was just now) or none. Leaves in
# $STATE/next what the next run compares with.
compose() { # unix-time iso-time
  set -- "$@" "$STATE/last" "$ROOT/proc/sys/kernel/random/boot_id" "$ROOT/proc/uptime" "$ROOT/proc/net/stat/nf_conntrack" \
    "$ROOT/proc/sys/net/netfilter/nf_conntrack_count" "$ROOT/proc/sys/net/netfilter/nf_conntrack_max" \
    "$ROOT/proc/sys/net/ipv4/ip_forward" "$ROOT/proc/net/udp" "$ROOT/proc/net/udp6"
  now=$1
  iso=$2
  shift 2
  readable=
  for file; do [ ! -r "$file" ] || readable="$readable $file"; done
  tell_everything 2>/dev/null </dev/null | $AWK -v now="$now" -v iso="$iso" -v instance="$INSTANCE" -v period="$PERIOD" \
    -v sender="$SENDER" -v cli="$CLI" -v group="$LOG_GROUP" -v message="$STATE/message" -v memory="$STATE/next" '
    function hex(digits, i, n) {
      n = 0
      for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
      return n
    }
    function is_whole(text) { return text ~ /^[0-9]+$/ && length(text) <= 15 }
    function remember(cpu, column, value) { if (column in WANTED) { cpus_now[cpu] = 1; count_now[cpu, column] = value } }
    function add(list, item) { return list (list == "" ? "" : ",") item }
    # Whether the words after these two are not the same.
    function differ(one, other, i, values) {
      for (i = 1; i < NF; i++) if ($i == one || $i == other) values[$i] = $(i + 1)
      return values[one] == "" || values[one] != values[other]
    }

    # --- What the files say ---
    FNR == 1 {
      source = FILENAME
      sub(/^.*\//, "", source)
      if (FILENAME == "-" || FILENAME == "" || FILENAME ~ /^\/dev\/(stdin|fd\/0)$/) source = "told"
    }
    source == "last" {
      if ($1 == "boot") boot_before = $2
      else if ($1 == "at") at_before = $2
      else if ($1 == "cpu") { cpus_before[$2] = 1; cpu_lines++; for (i = 1; i <= columns; i++) count_before[$2, COLUMN[i]] = $(i + 2) }
      else if ($1 == "card") card_before[$2, $3] = $4
      next
    }
    source == "boot_id" { boot = $1; next }
    source == "uptime" { at = $1; next }
    source == "nf_conntrack" {
      if (FNR == 1) { for (i = 1; i <= NF; i++) name[i] = $i; next }
      # The first column is of the whole table.
      for (i = 2; i <= NF; i++) remember(FNR - 2, name[i], hex($i))
      next
    }
    source == "nf_conntrack_count" { entries = $1; next }
    source == "nf_conntrack_max" { most = $1; next }
    source == "ip_forward" { forwards = $1; next }
    # Of this machine alone: 127.0.0.1, or any address.
    source ~ /^udp6?$/ {
      if ($2 ~ ("^(0100007F|00000000|00000000000000000000000000000000|0000000000000000FFFF00000100007F):" PORT "$")) listening = 1
      next
    }

    # --- What the programs say ---
    $1 == "#conntrack" || $1 == "#card" || $1 == "#rules" || $1 == "#filters" {
      told = $1
      card = $1 == "#card" ? $2 : ""
      reader = $1 == "#rules" ? $2 : ""
      if ($1 == "#filters") { legacy = $2 == "true"; nft = $3 == "true"; knower = $4 }
      family = ""
      next
    }
    $1 == "#status" && reader != "" {
      if ($2 == 0) answered[reader] = 1
      reader = told = ""
      next
    }
    told == "#conntrack" && /^cpu=/ {
      split($1, part, "=")
      cpu = part[2] + 0
      for (i = 2; i <= NF; i++) {
        split($i, part, "=")
        if (part[1] == "chaintoolong") part[1] = "chainlength"
        if (is_whole(part[2])) remember(cpu, part[1], part[2] + 0)
      }
      next
    }
    told == "#card" && $1 ~ /^(bw_in|bw_out|pps|conntrack|linklocal)_allowance_exceeded:$/ && is_whole($2) {
      kind = $1
      sub(/_allowance_exceeded:$/, "", kind)
      card_now[card, kind] = $2
      next
    }
    # Of the whole instance, so the interfaces tell the same: never their sum.
    told == "#card" && $1 == "conntrack_allowance_available:" && is_whole($2) {
      if (headroom == "" || $2 + 0 < headroom + 0) headroom = $2
      next
    }
    told == "#rules" && /^table / { family = $2; next }
    told == "#rules" && family ~ /^(ip6|bridge|arp)$/ { next }
    # A rule within the network of a container, or for all interfaces but its own, makes nobody a NAT instance.
    told == "#rules" {
      foreign = / xt target "(MASQUERADE|SNAT)"/
      gsub(/"[^"]*"/, "name")
      if (/^-A .* -[jg] (MASQUERADE|SNAT)( |$)/) { if (!/ ! -o /) translates += differ("-s", "-d") }
      else if (foreign || /^[ \t]+(.* )?(masquerade|snat)( |$)/) {
        if (!/oif(name)? != /) translates += differ("saddr", "daddr")
      }
    }

    BEGIN {
      # 25888
      PORT = "6520"
      columns = split("found insert_failed drop early_drop chainlength", COLUMN, " ")
      for (i = 1; i <= columns; i++) WANTED[COLUMN[i]] = 1
    }

    # --- What follows from it ---
    function look_back(cpu, key, part) {
      passed = at - at_before
      same_boot = boot != "" && boot == boot_before && passed > 0
      cpu_lines_now = 0
      for (cpu in cpus_now) cpu_lines_now++
      # After longer than that a count would be a spike of what happened at another time.
      comparable = same_boot && passed <= 900
    }
    # Each CPU counts in 32 bits and goes round by itself. A step back of less than half of that is a counter that began anew.
    function count_conntrack(cpu, i, column, delta, anew) {
      for (cpu in cpus_now) {
        anew = 0
        for (i = 1; i <= columns; i++) {
          column = COLUMN[i]
          delta = count_now[cpu, column] - count_before[cpu, column]
          if (delta < 0 && delta >= -2147483648) anew = 1
        }
        for (i = 1; i <= columns; i++) {
          column = COLUMN[i]
          delta = count_now[cpu, column] - (anew ? 0 : count_before[cpu, column])
          total[column] += delta < 0 ? delta + 4294967296 : delta
        }
      }
    }
    function count_cards(key, part) {
      for (key in card_now) {
        if (!(key in card_before)) continue
        split(key, part, SUBSEP)
        exceeded[part[2]] += card_now[key] - (card_now[key] + 0 < card_before[key] + 0 ? 0 : card_before[key])
      }
    }
    function metric(name, unit, value) {
      names[++metrics] = name
      units[metrics] = unit
      values[metrics] = value
    }
    function gather(known) {
      if (is_whole(entries) && is_whole(most) && most > 0) {
        metric("ConntrackUtilization", "Percent", sprintf("%.2f", 100 * entries / most))
        metric("ConntrackEntries", "Count", entries)
      }
      if (comparable && cpu_lines_now > 0 && cpu_lines_now == cpu_lines) {
        count_conntrack()
        metric("ConntrackDrops", "Count", sprintf("%.0f", total["drop"]))
        metric("ConntrackInsertFailed", "Count", sprintf("%.0f", total["insert_failed"]))
        # A metric costs by the hours in which it has data, and these are zero for years.
        if (total["early_drop"] > 0) metric("ConntrackEarlyDrops", "Count", sprintf("%.0f", total["early_drop"]))
        if (total["chainlength"] > 0) metric("ConntrackChainTooLong", "Count", sprintf("%.0f", total["chainlength"]))
        metric("SnatPortPressure", "Count/Second", sprintf("%.3f", total["found"] / passed))
      }
      if (headroom != "") metric("EnaConntrackHeadroom", "Count", headroom)
      known = (!legacy || answered["legacy"]) && (!nft || answered[knower])
      if (forwards == "0") metric("NatForwarding", "None", 0)
      else if (forwards == "1" && translates) metric("NatForwarding", "None", 1)
      else if (forwards == "1" && known) metric("NatForwarding", "None", 0)
      if (comparable) count_cards()
    }

    # --- As the agent takes it: a document a line, since one holds each name once ---
    function document(list, members, dimensions) {
      printf "{\"_aws\":{\"Timestamp\":%.0f,\"LogGroupName\":\"%s\",\"LogStreamName\":\"%s\",\"CloudWatchMetrics\":[{\"Namespace\":\"NatMedic\",\"Dimensions\":[[%s]],\"Metrics\":[%s]}]},\"InstanceId\":\"%s\",%s}\n", \
        now * 1000, group, instance, dimensions, list, instance, members >message
    }
    function described(name, unit) {
      return "{\"Name\":\"" name "\",\"Unit\":\"" unit "\",\"StorageResolution\":" resolution "}"
    }
    function write_documents(i, kind, list, members) {
      for (i = 1; i <= metrics; i++) {
        list = add(list, described(names[i], units[i]))
        members = add(members, "\"" names[i] "\":" values[i])
      }
      document(list, members, "\"InstanceId\"")
      for (kind in exceeded) if (exceeded[kind] > 0)
        document(described("EnaAllowanceExceeded", "Count"), \
          sprintf("\"Allowance\":\"%s\",\"EnaAllowanceExceeded\":%.0f", kind, exceeded[kind]), "\"InstanceId\",\"Allowance\"")
    }

    # --- As PutMetricData takes it ---
    function datum(name, unit, value, more) {
      return "{\"MetricName\":\"" name "\",\"Dimensions\":[{\"Name\":\"InstanceId\",\"Value\":\"" instance "\"}" more \
        "],\"Timestamp\":\"" iso "\",\"Value\":" value ",\"Unit\":\"" unit "\",\"StorageResolution\":" resolution "}"
    }
    function write_data(i, kind, list) {
      for (i = 1; i <= metrics; i++) list = add(list, datum(names[i], units[i], values[i], ""))
      for (kind in exceeded) if (exceeded[kind] > 0)
        list = add(list, datum("EnaAllowanceExceeded", "Count", sprintf("%.0f", exceeded[kind]), ",{\"Name\":\"Allowance\",\"Value\":\"" kind "\"}"))
      print "[" list "]" >message
    }

    function keep(cpu, i, line, key, part) {
      print "how " how >memory
      print "boot " boot >memory
      print "at " at >memory
      for (cpu in cpus_now) {
        line = "cpu " cpu
        for (i = 1; i <= columns; i++) line = line sprintf(" %.0f", count_now[cpu, COLUMN[i]])
        print line >memory
      }
      for (key in card_now) { split(key, part, SUBSEP); print "card", part[1], part[2], card_now[key] >memory }
    }

    END {
      how = listening && sender != "" ? "agent" : (cli != "" ? "cli" : "none")
      look_back()
      # The timer and a person, or a clock that was set: two publications of one moment would count twice in a sum.
      if (how == "none" || (same_boot && passed < (how == "cli" ? 55 : period / 2))) { print how == "none" ? how : "wait"; exit }
      resolution = how == "agent" && period < 60 ? 1 : 60
      gather()
      # No number at all is worth no document.
      if (metrics == 0) { print "nothing"; exit }
      if (how == "agent") write_documents(); else write_data()
      keep()
      print how
    }' $readable -
}

# --- Out of the door ------------------------------------------------------------------------------------------

# A connection table that is full has no room for the agent's packet either, until some entry goes: so it is tried every half
# second for as long as the period allows, three seconds of ten or fifteen of sixty.
send_to_agent() {
  tries=6
  [ "$PERIOD" -lt 60 ] || tries=30
  case $SENDER in
    # One write for each document, which is one packet.
    bash) limited 25 bash -c 'left=$3
      while IFS= read -r line; do
        until cat <<<"$line" >"/dev/udp/127.0.0.1/$2"; do
          left=$((left - 1))
          [ $left -gt 0 ] || exit 1
          sleep 0.5
        done
      done <"$1"' bash "$STATE/message" $AGENT_PORT $tries 2>/dev/null ;;
    *) limited 25 python3 -c 'import socket, sys, time
left = int(sys.argv[3])
with open(sys.argv[1], "rb") as message:
    for line in message:
        while True:
            try:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as agent:
                    agent.sendto(line, ("127.0.0.1", int(sys.argv[2])))
                break
            except OSError:
                left -= 1
                if left <= 0:
                    sys.exit(1)
                time.sleep(0.5)' "$STATE/message" $AGENT_PORT $tries 2>/dev/null ;;
  esac
}

send_by_cli() {
  AWS_MAX_ATTEMPTS=2 limited 20 aws cloudwatch put-metric-data --region "$REGION" --namespace NatMedic \
    --metric-data "file://$STATE/message" --cli-connect-timeout 3 --cli-read-timeout 5 >/dev/null 2>"$STATE/refusal"
}

main() {
  mkdir -p "$STATE" || exit 1
  choose_awk
  check_identity
  find_transports
  how=$(compose $(date -u '+%s %Y-%m-%dT%H:%M:%SZ'))
  case $how in
    agent) send_to_agent || complain 'no metrics: the CloudWatch agent listens and its packet was refused; a full connection table does that' ;;
    cli) send_by_cli || complain "no metrics: aws cloudwatch put-metric-data failed: $(tr -c 'A-Za-z0-9_.,:;/()=%+ -' ' ' <"$STATE/refusal" | cut -c 1-300)" ;;
    wait) return 0 ;;
    nothing) complain 'no metrics: nothing of connection tracking, forwarding or the network cards could be read' ;;
    *) complain "no metrics: no CloudWatch agent listens at 127.0.0.1:$AGENT_PORT for embedded metrics$([ -n "$SENDER" ] || echo ' that bash or python3 could send'), and there is no AWS CLI" ;;
  esac
  mv -f "$STATE/next" "$STATE/last"
  rm -f "$STATE/message" "$STATE/refusal"
  content
}

main </dev/null
