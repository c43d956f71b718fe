# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2086,SC2154 # awk's own $1; variables of change.sh; lists of words.
# Settings of a change that are rules of the packet filter: 0 while a rule is as it was, 1 once it is as we want it, 2
# when it is neither. Part of change.sh. The plan beside the record says what they are, one line each, with tabs between:
#   name, holder, table, chain, place, twins, old, new
# holder is the command that knows the rule: iptables-legacy, iptables-nft, iptables or nft. place is its number in the
# chain; of a rule that we add (old is -) `first` or `last`. The rule is in place when the chain has `new` `twins`
# times: others may have had the same text before.

TAB=$(printf '\t')
PATIENCE=10

name_of() { echo "$1"; }

describe() { # setting value [now]
  case $2 in
    0) echo "$1 is ${3:+$3 }as it was before" ;;
    1) echo "$1 is ${3:+$3 }in place" ;;
    *) echo "$1 is ${3:+$3 }neither as it was before nor as it was set here" ;;
  esac
}

is_as_asked() { [ "$2" = "$3" ]; } # setting value asked

plan_names() { [ ! -e "$PLAN" ] || cut -f 1 "$PLAN"; }

# Sets HOLDER, TABLE, CHAIN, PLACE, TWINS, OLD and NEW. No other program: it is asked often.
load_rule() { # setting
  [ -e "$PLAN" ] || return 1
  while IFS=$TAB read -r name HOLDER TABLE CHAIN PLACE TWINS OLD NEW; do
    [ "$name" != "$1" ] || {
      [ "$OLD" != - ] || OLD=
      return 0
    }
  done <"$PLAN"
  return 1
}

is_own_table() { [ "$HOLDER" = nft ] && [ -z "$OLD" ]; }

# --- Reading --------------------------------------------------------------------------------------------------

# Sets LEGACY and COMPAT to the commands for iptables' own tables and for those that it keeps in nftables.
find_holders() {
  LEGACY=
  COMPAT=
  for tool in iptables-legacy iptables-nft iptables; do
    have "$tool" || continue
    case $(timeout "$PATIENCE" "$tool" -V 2>/dev/null) in
      *nf_tables*) COMPAT=${COMPAT:-$tool} ;;
      *) LEGACY=${LEGACY:-$tool} ;;
    esac
  done
  # Asking for a table makes the kernel load it.
  LEGACY_USED=
  [ -z "$LEGACY" ] || ! $AWK '$1 == "nat" { found = 1 } END { exit !found }' "$ROOT/proc/net/ip_tables_names" 2>/dev/null ||
    LEGACY_USED=yes
}

# `-A CHAIN ...`, as iptables itself prints them.
iptables_rules() { # holder table [chain]
  listed=$(timeout "$PATIENCE" "$1" -w 5 -t "$2" -S ${3:+"$3"} 2>/dev/null) || return 1
  printf '%s\n' "$listed" | $AWK '/^-A /'
}

# The rules of all chains as `table, chain, place, handle, rule`; -s leaves out what they have counted.
nft_rules() { # object to list...
  listed=$(timeout "$PATIENCE" nft -s -a list "$@" 2>/dev/null) || return 1
  printf '%s\n' "$listed" | nft_listing
}
nft_listing() {
  $AWK -v OFS='\t' '
    /^table / { table = $2 " " $3; next }
    /^\tchain / { chain = $2; place = 0; next }
    /^\t}/ { chain = ""; next }
    chain != "" && match($0, / # handle [0-9]+$/) {
      rule = substr($0, 1, RSTART - 1)
      handle = substr($0, RSTART + 10)
      sub(/^\t+/, "", rule)
      print table, chain, ++place, handle, rule
    }'
}

# All rules that may rewrite a source, as `holder, table, chain, place, rule`.
nat_rules() {
  for tool in ${LEGACY_USED:+"$LEGACY"} $COMPAT; do
    found=$(iptables_rules "$tool" nat) || continue
    printf '%s\n' "$found" | $AWK -v OFS='\t' -v holder="$tool" '/^-A / && !/\t/ { print holder, "nat", $2, ++place[$2], $0 }'
  done
  have nft || return 0
  # What iptables keeps in nftables, it must change itself: nft cannot write all of its matches.
  listed=$(timeout "$PATIENCE" nft -s -a list ruleset 2>/dev/null) || return 1
  theirs=
  [ -z "$COMPAT" ] || theirs=$(printf '%s\n' "$listed" | tables_of_iptables)
  printf '%s\n' "$listed" | nft_listing | $AWK -F '\t' -v OFS='\t' -v theirs="$theirs" '
    $1 ~ /^(ip|inet) / && !index(theirs, "," $1 ",") && NF == 5 { print "nft", $1, $2, $3, $5 }'
}

# Prints `,ip nat,` and so on for those whose hooks are in chains of iptables' names only.
tables_of_iptables() {
  $AWK '
    function done() { if (table ~ /^ip (nat|mangle|filter|raw|security)$/ && hooks && !other) printf ",%s,", table }
    /^table / { done(); table = $2 " " $3; hooks = other = 0 }
    /^\tchain / { chain = $2 }
    /^\t\ttype [a-z]+ hook / { hooks++; if (chain !~ /^(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$/) other = 1 }
    END { done() }'
}

# Of the present rule's chain: `place, handle (0 for iptables), rule`.
chain_rules() {
  if [ "$HOLDER" = nft ]; then
    found=$(nft_rules chain $TABLE "$CHAIN") || return 1
    printf '%s\n' "$found" | $AWK -F '\t' -v OFS='\t' 'NF == 5 { print $3, $4, $5 }'
  else
    found=$(iptables_rules "$HOLDER" "$TABLE" "$CHAIN") || return 1
    printf '%s\n' "$found" | $AWK -v OFS='\t' '/^-A / { print ++place, 0, $0 }'
  fi
}

# `new old`: how often the chain has either.
count_rules() { # new old, from chain_rules on standard input
  NEW="$1" OLD="$2" $AWK -F '\t' '$3 == ENVIRON["NEW"] { new++ } $3 == ENVIRON["OLD"] { old++ } END { print new + 0, old + 0 }'
}

running() { # setting
  load_rule "$1" || return 1
  if is_own_table; then
    listed=$(timeout "$PATIENCE" nft -s list table $TABLE 2>/dev/null) || listed=
    if [ -z "$listed" ]; then
      echo 0
    elif [ ! -e "$PLAN.listing" ] || [ "$listed" = "$(cat "$PLAN.listing")" ]; then
      echo 1
    else echo 2; fi
    return 0
  fi
  present_rules=$(chain_rules) || return 1
  counts=$(printf '%s\n' "$present_rules" | count_rules "$NEW" "$OLD")
  if [ "${counts% *}" -ge "$TWINS" ]; then
    echo 1
  elif [ -z "$OLD" ] || [ "${counts#* }" -gt 0 ]; then
    echo 0
  else echo 2; fi
}

# --- Writing --------------------------------------------------------------------------------------------------

write_setting() { # setting value
  load_rule "$1" || return 1
  case $2:$HOLDER in
    1:nft) if is_own_table; then add_own_table; else replace_rule "$OLD" "$NEW"; fi ;;
    0:nft) if is_own_table; then timeout "$PATIENCE" nft delete table $TABLE 2>/dev/null; else replace_rule "$NEW" "$OLD"; fi ;;
    1:*) if [ -n "$OLD" ]; then replace_rule "$OLD" "$NEW"; else add_rule; fi ;;
    0:*) if [ -n "$OLD" ]; then replace_rule "$NEW" "$OLD"; else delete_rule; fi ;;
  esac
}

# `place handle` of a rule: where it was when we planned, else the first that reads so.
find_rule() { # rule
  chain_rules | RULE="$1" $AWK -F '\t' -v place="$PLACE" '
    $3 == ENVIRON["RULE"] { if (!found || $1 == place) found = $1 " " $2 }
    END { if (found) print found }'
}

# In one transaction: at no moment is neither there. With nothing to replace, the rule is put where it was.
replace_rule() { # from to
  at=$(find_rule "$1")
  if [ "$HOLDER" = nft ]; then
    [ -n "$at" ] || return 1
    printf 'replace rule %s %s handle %s %s\n' "$TABLE" "$CHAIN" "${at#* }" "$2" |
      timeout "$PATIENCE" nft -f - 2>/dev/null
  else
    if [ -n "$at" ]; then order="-R $CHAIN ${at% *}"; else order="-I $CHAIN $(place_within_chain)"; fi
    commit "$order ${2#-A "$CHAIN" }"
  fi
}

place_within_chain() { chain_rules | $AWK -v place="$PLACE" 'END { print (place > NR + 1 ? NR + 1 : place) }'; }

# iptables reads the rule itself, so no shell takes its quotes apart.
commit() { # order
  printf '*%s\n%s\nCOMMIT\n' "$TABLE" "$1" | timeout "$PATIENCE" "$HOLDER-restore" -w 5 --noflush 2>/dev/null
}

add_rule() {
  rule=${NEW#-A "$CHAIN" }
  if [ "$PLACE" = first ]; then commit "-I $CHAIN 1 $rule"; else commit "-A $CHAIN $rule"; fi
}

delete_rule() {
  number=$(chain_rules | RULE="$NEW" $AWK -F '\t' '$3 == ENVIRON["RULE"] { at = $1 } END { print at }')
  [ -z "$number" ] || timeout "$PATIENCE" "$HOLDER" -w 5 -t "$TABLE" -D "$CHAIN" "$number" 2>/dev/null || return 1
  drop_made_table
}

# iptables makes a table of nftables when it first needs one. Empty, and not there before: it goes again.
drop_made_table() {
  if [ ! -e "$PLAN.made" ] || [ "$HOLDER" != "$COMPAT" ] || ! have nft; then return 0; fi
  case $(timeout "$PATIENCE" nft -s -a list table ip "$TABLE" 2>/dev/null) in
    *'policy drop'*) return 0 ;;
  esac
  [ -n "$(nft_rules table ip "$TABLE")" ] || timeout "$PATIENCE" nft delete table ip "$TABLE" 2>/dev/null || true
}

remember_made_table() { # holder table
  if [ "$1" != "$COMPAT" ] || ! have nft; then return 0; fi
  timeout "$PATIENCE" nft list table ip "$2" >/dev/null 2>&1 || true >"$PLAN.made"
}

# A table of our own, so that what others have in theirs stays as it is.
own_table() { printf 'table %s {\n chain %s {\n%s\n }\n}\n' "$TABLE" "$CHAIN" "$(echo "$NEW" | tr ';' '\n')"; }

add_own_table() {
  own_table | timeout "$PATIENCE" nft -f - 2>/dev/null || return 1
  timeout "$PATIENCE" nft -s list table $TABLE >"$PLAN.listing"
}
