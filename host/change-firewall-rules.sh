#!/bin/sh
# change-firewall-rules - adds or changes the one kind of rule that a fix is about, in iptables or nftables.
#
# USAGE
#   SSM_Action=apply|persist|undo|show SSM_IncidentId=inc-... SSM_Fix=... change-firewall-rules.sh
#   SSM_Fix          add-masquerade-rule, randomize-source-ports, widen-snat-range, clamp-mss or strip-timestamps
#   SSM_Interface    what the rule is for, as ens5: the first three fixes need it (default none)
#   SSM_Source       add-masquerade-rule: only these clients, as 10.0.0.0/16 (default any)
#   SSM_Destination  strip-timestamps: the one address, as 203.0.113.7 (default any, which it refuses)
#   SSM_Port         strip-timestamps: the one port (default 0, which it refuses)
#   SSM_RestoreAfterSeconds  after so long the host undoes an apply by itself, unless it was told to persist (default:
#                    never; the document's is 900)
#   SSM_Force        yes: undo also puts back what somebody else has changed since (default no)
#
# READS
#   The rules, by iptables-legacy where its tables are in use, iptables-nft, and nft; /proc/net/route.
#
# CHANGES
#   apply    add-masquerade-rule     one rule at the end of nat POSTROUTING, for the default route's interface only
#            randomize-source-ports  --random-fully on each MASQUERADE and SNAT rule for the interface, in its place
#            widen-snat-range        no range of ports any more on each of these rules that has one, in its place
#            clamp-mss               one rule at the head of mangle FORWARD, for both directions
#            strip-timestamps        one rule at the head of mangle POSTROUTING, for SYNs to that address and port
#            Where nftables is used without iptables, a rule that we add is in a table of its own, nat_medic_<fix>. A
#            rule that we add says so in its comment.
#   persist  means that the change is to be kept: ends the restore. Then writes /etc/nat-medic/rules-<fix>-<incident>.sh
#            and the unit nat-medic-rules.service, which puts the rules in place after a boot and whenever the
#            service that owns the others has restarted. Needs systemd.
#   undo     puts back the exact rules, each in its place, and the files.
#   Always   /var/lib/nat-medic/<incident>: the old rules, written before anything moves, and the restore: a timer of
#            systemd, or a sleeping process where systemd is not process 1.
#
# OVERHEAD
#   A tenth of a second. Connections that exist keep their ports and addresses.
#
# EXAMPLE
#   {"schema":"nat-medic/change/1","fix":"randomize-source-ports","action":"apply","incident":"inc-20261121-a1b2c3d4",
#   "status":"changed","reason":"","values":[{"setting":"rule.random-fully","before":"0","after":"1"}],"files":[],
#   "notes":[],"onRecord":"applied","restoresAt":1795253400}
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2034,SC2046,SC2086 # awk's own $1; variables of change.sh; lists of words.
set -u
FIX=${SSM_Fix:-}
SETTINGS=
DIRECTION=raise
CLEAN_UNDO=yes
INTERFACE=${SSM_Interface:-none}
SOURCE=${SSM_Source:-any}
DESTINATION=${SSM_Destination:-any}
PORT=${SSM_Port:-0}
# What the kernel chooses from where a rule names no range, for clients' ports from 1024 on (nf_nat_core.c).
WHOLE_RANGE=1024-65535

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/change.sh"
. "$(dirname "$0")/firewall-rules.sh"
. "$(dirname "$0")/firewall-boot.sh"

wanted_value() { echo 1; }

# Of a range of ports, the ports.
shown_value() { # setting value
  case $1:$2 in
    *:2) ;;
    rule.to-ports*:0) (load_rule "$1" && echo "$OLD") | grep -Eo '(--to-ports |:)[0-9]+-?[0-9]*' | $AWK 'NR == 1' | tr -d -c '0-9-' | sed 's/^-*//' ;;
    rule.to-ports*:1) echo "$WHOLE_RANGE" ;;
    *) echo "$2" ;;
  esac
}

# --- Input ----------------------------------------------------------------------------------------------------

is_address() {
  echo "$1" | $AWK -F . 'NF != 4 { exit 1 } { for (i = 1; i <= 4; i++) if ($i !~ /^(0|[1-9][0-9]?[0-9]?)$/ || $i > 255) exit 1 }'
}

check_input() {
  case $INTERFACE in
    none) ;;
    [!a-z]* | *[!A-Za-z0-9._]* | ????????????????*) fail 'Interface must be the name of an interface' ;;
  esac
  case $SOURCE in
    any) ;;
    */*)
      { is_address "${SOURCE%/*}" && is_setting_value "${SOURCE#*/}" && [ "${SOURCE#*/}" -le 32 ]; } ||
        fail 'Source must look like 10.0.0.0/16'
      ;;
    *) fail 'Source must look like 10.0.0.0/16' ;;
  esac
  [ "$SOURCE" != 0.0.0.0/0 ] || SOURCE=any
  [ "$DESTINATION" = any ] || is_address "$DESTINATION" || fail 'Destination must look like 203.0.113.7'
  { is_setting_value "$PORT" && [ "$PORT" -le 65535 ]; } || fail 'Port must be a number up to 65535'
}

# A rule without an interface would translate what goes back to the clients as well.
check_interface() {
  [ "$INTERFACE" != none ] || refuse 'the interface of the rule is not known'
  [ -e "$ROOT/sys/class/net/$INTERFACE" ] || refuse "this host has no interface $INTERFACE"
}

leads_out() {
  $AWK -v name="$INTERFACE" '
    $1 == name && $2 == "00000000" && $8 == "00000000" { found = 1 } END { exit !found }' "$ROOT/proc/net/route" 2>/dev/null
}

# --- The plan -------------------------------------------------------------------------------------------------

# The plan of this fix for the rules as they are now. A plan that was begun stays as it is.
require_settings() {
  case $ACTION:$(status) in
    apply:none | apply:undone) ;;
    *) return 0 ;;
  esac
  make_folder || fail 'the old rules cannot be written to /var/lib/nat-medic, so nothing was changed'
  forget_plan
  true >"$PLAN" || fail 'the old rules cannot be written to /var/lib/nat-medic, so nothing was changed'
  case $FIX in
    add-masquerade-rule)
      check_interface
      leads_out || refuse "the default route does not leave by $INTERFACE"
      plan_masquerade
      ;;
    randomize-source-ports | widen-snat-range)
      check_interface
      plan_rewriting
      ;;
    clamp-mss)
      plan_addition mangle FORWARD first '-p tcp -m tcp --tcp-flags SYN,RST SYN' 'TCPMSS --clamp-mss-to-pmtu' \
        forward 'type filter hook forward priority -150; policy accept; tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu'
      ;;
    strip-timestamps)
      { [ "$DESTINATION" != any ] && [ "$PORT" != 0 ]; } || refuse 'only for one address and one port'
      plan_addition mangle POSTROUTING first \
        "-d $DESTINATION/32 -p tcp -m tcp --dport $PORT --tcp-flags FIN,SYN,RST,ACK SYN" 'TCPOPTSTRIP --strip-options 8' \
        postrouting "type filter hook postrouting priority -150; policy accept; ip daddr $DESTINATION tcp dport $PORT tcp flags & (fin | syn | rst | ack) == syn reset tcp option timestamp"
      ;;
  esac
  flush "$PLAN"
  SETTINGS=$(plan_names)
}

forget_plan() { rm -f "$PLAN" "$PLAN.listing" "$PLAN.made"; }

plan_masquerade() {
  source=
  [ "$SOURCE" = any ] || source="-s $SOURCE "
  plain="$source-o $INTERFACE"
  nat_rules | PLAIN="-A POSTROUTING $plain -j MASQUERADE" $AWK -F '\t' '
    { rule = $5; sub(/ -m comment --comment ("[^"]*"|[^ ]+)/, "", rule) }
    index(rule " ", ENVIRON["PLAIN"] " ") == 1 { found = 1 }
    END { exit !found }' && return 0
  [ "$SOURCE" = any ] || source="ip saddr $SOURCE "
  plan_addition nat POSTROUTING last "$plain" MASQUERADE \
    postrouting "type nat hook postrouting priority 100; policy accept; ${source}oifname \"$INTERFACE\" masquerade"
}

# Where the rules that translate are, a rule of ours is looked for as well.
chosen_holder() {
  rules=$(nat_rules)
  for tool in ${LEGACY_USED:+"$LEGACY"} $COMPAT; do
    case "$NEWLINE$rules" in *"$NEWLINE$tool$TAB"*) echo "$tool" && return 0 ;; esac
  done
  if printf '%s\n' "$rules" | $AWK -F '\t' '$1 == "nft" && $5 ~ /(^| )(masquerade|snat)( |$)/ { found = 1 } END { exit !found }'; then
    echo nft
  elif have iptables; then
    case $(timeout "$PATIENCE" iptables -V 2>/dev/null) in *nf_tables*) echo "$COMPAT" ;; *) echo "$LEGACY" ;; esac
  elif have nft; then
    echo nft
  else echo "${COMPAT:-$LEGACY}"; fi
}
NEWLINE='
'

plan_addition() { # table chain place iptables-matches iptables-target nft-chain nft-statements
  holder=$(chosen_holder)
  [ -n "$holder" ] || refuse 'neither iptables nor nft is installed'
  if [ "$holder" = nft ]; then
    own="ip nat_medic_$(echo "$FIX" | tr - _)"
    ! timeout "$PATIENCE" nft list table $own >/dev/null 2>&1 || refuse "there is a table $own already, of another change"
    write_plan "$(name_for_fix)" nft "$own" "$6" last 1 - "$7 comment \"nat-medic $FIX\""
    load_rule "$(name_for_fix)"
    own_table | timeout "$PATIENCE" nft -c -f - 2>/dev/null || refuse 'nft on this host cannot write such a rule'
    return 0
  fi
  new="-A $2 $4 -m comment --comment \"nat-medic $FIX\" -j $5"
  listed=$(iptables_rules "$holder" "$1" "$2") || refuse "the rules of $holder cannot be read"
  # Another incident may have the same rule.
  twins=$(printf '%s\n' "$listed" | $AWK '{ print 0 "\t" 0 "\t" $0 }' | count_rules "$new" -)
  remember_made_table "$holder" "$1"
  write_plan "$(name_for_fix)" "$holder" "$1" "$2" "$3" $((${twins% *} + 1)) - "$new"
}

write_plan() { # the eight columns
  printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n' "$@" >>"$PLAN"
}

name_for_fix() {
  case $FIX in
    add-masquerade-rule) echo rule.masquerade ;;
    randomize-source-ports) echo rule.random-fully ;;
    widen-snat-range) echo rule.to-ports ;;
    *) echo "rule.$FIX" ;;
  esac
}

# One line for each rule that this fix rewrites.
plan_rewriting() {
  answer=$(nat_rules | $AWK -F '\t' -v OFS='\t' -v fix="$FIX" -v interface="$INTERFACE" -v name="$(name_for_fix)" '
    # Texts in quotes say nothing.
    function bare(rule) {
      if ($1 == "nft") gsub(/(comment|prefix) "[^"]*"/, "", rule)
      else gsub(/"([^"\\]|\\.)*"/, "\"\"", rule)
      return rule
    }
    function matches(pattern, prefix) {
      if (pattern !~ /[+*]$/) return pattern == interface
      prefix = substr(pattern, 1, length(pattern) - 1)
      return index(interface, prefix) == 1
    }
    function is_for_interface(rule, word, n, i) {
      n = split(rule, word, " ")
      if ($1 != "nft") {
        for (i = 1; i <= n; i++) if (word[i] == "-o") return word[i - 1] != "!" && matches(word[i + 1])
        return 1
      }
      gsub(/[",{}]/, " ", rule)
      n = split(rule, word, " ")
      for (i = 1; i <= n; i++) {
        if (word[i] != "oifname" && word[i] != "oif") continue
        # Of a list, any.
        for (i++; i <= n; i++) {
          if (word[i] ~ /^(!=|ip|ip6|tcp|udp|meta|ct|counter|masquerade|snat|iif|iifname)$/) return 0
          if (matches(word[i])) return 1
        }
      }
      return rule !~ / oif/
    }
    function rewrite_iptables(rule, at, next_at, head, tail) {
      # The last one is the target: nothing that follows it has text in quotes.
      at = 0
      while ((next_at = index(substr(rule, at + 1), " -j ")) > 0) at += next_at
      head = substr(rule, 1, at - 1)
      tail = substr(rule, at)
      if (fix == "widen-snat-range") {
        sub(/ --to-ports [0-9]+(-[0-9]+)?/, "", tail)
        if (match(tail, / --to-source [0-9.-]+:[0-9]+(-[0-9]+)?/)) {
          next_at = substr(tail, RSTART, RLENGTH)
          sub(/:[0-9]+(-[0-9]+)?$/, "", next_at)
          tail = substr(tail, 1, RSTART - 1) next_at substr(tail, RSTART + RLENGTH)
        }
      } else if (tail !~ / --random-fully( |$)/) {
        if (tail ~ / --random( |$)/) sub(/ --random/, " --random-fully", tail)
        else if (tail ~ / --persistent( |$)/) sub(/ --persistent/, " --random-fully --persistent", tail)
        else tail = tail " --random-fully"
      }
      return head tail
    }
    function rewrite_nft(rule, at, comment, flags) {
      comment = ""
      if (match(rule, / comment "[^"]*"$/)) { comment = substr(rule, RSTART); rule = substr(rule, 1, RSTART - 1) }
      if (fix == "widen-snat-range") {
        if (rule ~ /(^| )masquerade to :/) sub(/masquerade to :[0-9]+(-[0-9]+)?/, "masquerade", rule)
        else if (match(rule, /snat (ip )?to [0-9.-]+:[0-9]+(-[0-9]+)?/)) {
          at = substr(rule, RSTART, RLENGTH)
          sub(/:[0-9]+(-[0-9]+)?$/, "", at)
          rule = substr(rule, 1, RSTART - 1) at substr(rule, RSTART + RLENGTH)
        }
      } else {
        flags = ""
        if (match(rule, / (random|fully-random|persistent)(,(random|fully-random|persistent))*$/)) {
          flags = substr(rule, RSTART + 1)
          rule = substr(rule, 1, RSTART - 1)
        }
        if (flags !~ /fully-random/) {
          if (flags ~ /(^|,)random/) sub(/random/, "fully-random", flags)
          else flags = "fully-random" (flags == "" ? "" : "," flags)
        }
        rule = rule " " flags
      }
      return rule comment
    }
    {
      holder[NR] = $1; table[NR] = $2; chain[NR] = $3; place[NR] = $4; rule[NR] = $5
      count[$1, $2, $3, $5]++
      plain = bare($5)
      if ($1 == "nft" ? plain !~ /(^| )(masquerade|snat)( |$)/ : plain !~ / -j (MASQUERADE|SNAT)( |$)/) {
        if ($1 == "nft" && plain ~ /xt target "?(MASQUERADE|SNAT)/) opaque = 1
        next
      }
      if (!is_for_interface(plain)) next
      seen++
      new[NR] = $1 == "nft" ? rewrite_nft($5) : rewrite_iptables($5)
      if (new[NR] == $5) delete new[NR]
    }
    END {
      if (opaque) { print "these rules are of iptables, and its command is missing"; exit }
      for (i in new) changed++
      if (changed > 16) { print "more than 16 rules would have to change"; exit }
      if (!seen) { print "no rule translates what leaves by " interface; exit }
      for (i = 1; i <= NR; i++) {
        if (!(i in new)) continue
        key = holder[i] SUBSEP table[i] SUBSEP chain[i] SUBSEP new[i]
        print name (n++ ? "." n : ""), holder[i], table[i], chain[i], place[i], count[key] + ++twin[key], rule[i], new[i]
      }
    }')
  case $answer in
    '' | rule.*) [ -z "$answer" ] || printf '%s\n' "$answer" >>"$PLAN" ;;
    *) refuse "$answer" ;;
  esac
}

main() {
  case $FIX in
    add-masquerade-rule | randomize-source-ports | widen-snat-range | clamp-mss | strip-timestamps) ;;
    *)
      FIX=clamp-mss
      ACTION=show
      INCIDENT=
      fail 'Fix must be one of those that change rules'
      ;;
  esac
  read_request
  PLAN=$STATE.rules
  check_input
  find_holders
  SETTINGS=$(plan_names)
  [ -z "$BOOTING" ] || put_in_force
  run_request
  case $ACTION in
    apply) finish_apply unchanged ;;
    undo)
      reload_units
      finish_undo
      ;;
  esac
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
