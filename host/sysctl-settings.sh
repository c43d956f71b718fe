# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2086,SC2154 # awk's own $1; variables of change.sh; lists of words.
# Settings of a change that are kernel parameters: reading and writing them, and what a reboot would make of them.
# Part of change.sh. Those of connection tracking go by their name after `net.netfilter.`, the others by all of it.

name_of() { case $1 in nf_conntrack_*) echo "net.netfilter.$1" ;; *) echo "$1" ;; esac; }
describe() { echo "$1 is ${3:+$3 }$2"; } # setting value [now]
shown_value() { echo "$2"; } # setting value

path_of() {
  case $1 in
    nf_conntrack_*) echo "$SYSCTL/$1" ;;
    # The name of an interface may have dots of its own.
    net.ipv4.conf.*.*)
      interface=${1#net.ipv4.conf.}
      echo "$ROOT/proc/sys/net/ipv4/conf/${interface%.*}/${interface##*.}"
      ;;
    *) echo "$ROOT/proc/sys/$(echo "$1" | tr . /)" ;;
  esac
}

# `cat`, never `read <`: the shells read byte by byte, and /proc/sys answers only the first.
running() { cat "$(path_of "$1")" 2>/dev/null; }

write_setting() { # setting value
  (echo "$2" >"$(path_of "$1")") 2>/dev/null && return 0
  # The same knob under another name, on kernels where the sysctl is read-only.
  [ "$1" = nf_conntrack_buckets ] &&
    (echo "$2" >"$ROOT/sys/module/nf_conntrack/parameters/hashsize") 2>/dev/null
}

# Whether a value is what we asked for: the kernel rounds buckets up to fill pages (of 64 KiB at most).
is_as_asked() { # setting value asked
  if [ "$1" = nf_conntrack_buckets ]; then
    [ "$2" -ge "$3" ] && [ "$2" -lt $(($3 + 8192)) ]
  else
    [ "$2" = "$3" ]
  fi
}

require_settings() {
  case " $SETTINGS" in
    *' nf_conntrack_'*)
      [ -e "$SYSCTL/nf_conntrack_count" ] || refuse 'nf_conntrack is not loaded: this host tracks no connections'
      ;;
  esac
}

unless_zero() { [ "$1" = 0 ] || echo "$1"; }

# Sets free, in KiB.
free_memory() {
  free=$($AWK '/^MemAvailable:/ { print $2 }' "$ROOT/proc/meminfo")
  is_setting_value "$free" || refuse 'the free memory cannot be read'
}

# --- What a reboot would set ----------------------------------------------------------------------------------

persisted_of() { # settings what value|file
  printf '%s\n' "$1" | while read -r what value file; do
    [ "$what" != "$2" ] || case $3 in value) echo "$value" ;; file) echo "$file" ;; esac
  done
}

remember_persisted() { settings_before=$(persisted_settings); }

# What a reboot should set: what now runs, unless the files already say more of the same. Needs settings_before.
to_persist() { # what setting
  present=$(running "$2")
  configured=$(persisted_of "$settings_before" "$1" value)
  if is_setting_value "$configured" && is_forward "$present" "$configured"; then echo "$configured"; else echo "$present"; fi
}

# Reads back what a reboot would make of all the files, and tells it: before, and now. Fails when it is not as wanted.
confirm_persisted() {
  settings_now=$(persisted_settings)
  broken=
  for pair in $PERSISTED; do
    setting=${pair#*:}
    wanted=$(to_persist "${pair%:*}" "$setting")
    found=$(persisted_of "$settings_now" "${pair%:*}" value)
    where=$(persisted_of "$settings_now" "${pair%:*}" file)
    tell_value "$setting" "$(persisted_of "$settings_before" "${pair%:*}" value)" "$found"
    if [ "$found" != "$wanted" ]; then
      broken=yes
      note "a reboot would set $setting to ${found:-its default} and not $wanted: ${where:-no file} has the last word"
    fi
  done
  [ -z "$broken" ]
}
