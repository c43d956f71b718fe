#!/bin/sh
# set-kernel-parameters - sets what a fix may set of the kernel's network parameters, within that fix's own bounds.
#
# USAGE
#   SSM_Action=apply|persist|undo|show SSM_IncidentId=inc-... SSM_Fix=... set-kernel-parameters.sh
#   SSM_Fix      enable-ip-forward, raise-neighbour-limits, loosen-rp-filter, raise-fragment-memory or
#                prefer-time-wait-reuse
#   SSM_Changes  wanted values, as net.ipv4.ip_forward=1,... (apply; none leaves everything)
#   SSM_RestoreAfterSeconds  after so long the host undoes an apply by itself, unless it was told to persist (default:
#                never; the document's is 900)
#   SSM_Force    yes: undo also puts back what somebody else has changed since (default no)
#
# READS
#   The parameters, /proc/meminfo, and the files that a reboot would apply (persistence.sh).
#
# CHANGES
#   apply    the running values:
#              enable-ip-forward       net.ipv4.ip_forward, to 1
#              raise-neighbour-limits  net.ipv4.neigh.default.gc_thresh1 to 3, only up, in ascending order, to 1048576
#                                      at most and a sixteenth of the free memory
#              loosen-rp-filter        net.ipv4.conf.INTERFACE.rp_filter, to 2
#              raise-fragment-memory   net.ipv4.ipfrag_high_thresh, only up, to a sixteenth of the free memory at most
#              prefer-time-wait-reuse  net.ipv4.tcp_tw_recycle, to 0, and net.ipv4.tcp_tw_reuse, to 1
#   persist  means that the change is to be kept: ends the restore. Then writes
#            /etc/sysctl.d/99-zz-nat-medic-<fix>.conf. Of an interface that comes up after systemd-sysctl has run, udev
#            applies it (99-systemd.rules).
#   undo     puts back the exact values and the file. With ip_forward the kernel also sets the forwarding of each
#            interface and whether redirects are accepted: those are put back too.
#   Always   /var/lib/nat-medic/<incident>: the old values, written before anything moves, and the restore: a timer
#            of systemd, or a sleeping process where systemd is not process 1.
#
# OVERHEAD
#   None worth measuring: each is one write to /proc/sys.
#
# EXAMPLE
#   {"schema":"nat-medic/change/1","fix":"enable-ip-forward","action":"apply","incident":"inc-20261121-a1b2c3d4",
#   "status":"changed","reason":"","values":[{"setting":"net.ipv4.ip_forward","before":"0","after":"1"}],"files":[],
#   "notes":[],"onRecord":"applied","restoresAt":1795253400}
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2034,SC2046,SC2086 # awk's own $1; variables of change.sh; lists of words.
set -u
FIX=${SSM_Fix:-}
SETTINGS=
DIRECTION=raise
CLEAN_UNDO=yes
# A neighbour takes half a KiB, rounded up.
NEIGHBOUR_BYTES=512
# No more of the free memory than this part may go to neighbours or to fragments.
MEMORY_PART=16

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/change.sh"
. "$(dirname "$0")/sysctl-settings.sh"

CHANGES=${SSM_Changes:-none}

wanted_value() {
  [ "$CHANGES" = none ] || (
    IFS=,
    for change in $CHANGES; do
      [ "${change%%=*}" != "$1" ] || echo "${change#*=}"
    done
  )
}

# --- What each fix may set ------------------------------------------------------------------------------------

# Prints the least and the greatest value that this fix may set it to; nothing: it may not.
bounds_of() { # setting
  case $FIX:$1 in
    enable-ip-forward:net.ipv4.ip_forward) echo 1 1 ;;
    raise-neighbour-limits:net.ipv4.neigh.default.gc_thresh[123]) echo 1 1048576 ;;
    loosen-rp-filter:net.ipv4.conf.*.rp_filter) echo 2 2 ;;
    raise-fragment-memory:net.ipv4.ipfrag_high_thresh) echo 1048576 1073741824 ;;
    prefer-time-wait-reuse:net.ipv4.tcp_tw_recycle) echo 0 0 ;;
    prefer-time-wait-reuse:net.ipv4.tcp_tw_reuse) echo 1 1 ;;
  esac
}

# Each change within its bounds, of a parameter that this fix may set, no one twice. Sets SETTINGS.
read_changes() {
  [ "$CHANGES" != none ] || return 0
  case $CHANGES in
    *[!A-Za-z0-9_.,=-]* | ,* | *, | *,,*) fail 'Changes must look like net.ipv4.ip_forward=1,net.ipv4.tcp_tw_reuse=1' ;;
  esac
  [ ${#CHANGES} -le 400 ] || fail 'Changes is longer than 400 characters'
  set -- $(echo "$CHANGES" | tr , ' ')
  for change in "$@"; do
    setting=${change%%=*}
    value=${change#*=}
    # A name with a dot too many would lead elsewhere below /proc/sys.
    case $setting in *..* | .* | *.) fail 'Changes must look like net.ipv4.ip_forward=1,net.ipv4.tcp_tw_reuse=1' ;; esac
    bounds=$(bounds_of "$setting")
    [ -n "$bounds" ] || fail "$FIX sets no $setting"
    is_setting_value "$value" || fail "$setting must be set to a number below 2147483648"
    { [ "$value" -ge "${bounds% *}" ] && [ "$value" -le "${bounds#* }" ]; } ||
      fail "$FIX sets $setting to $(echo "$bounds" | sed 's/ / to /') only"
    case " $SETTINGS " in *" $setting "*) fail "$setting is named twice" ;; esac
    SETTINGS="$SETTINGS $setting"
  done
}

# What is on record counts, whatever this request names.
add_recorded() {
  [ -e "$STATE" ] || return 0
  for setting in $($AWK 'sub(/^before\./, "") { print $1 }' "$STATE"); do
    [ -n "$(bounds_of "$setting")" ] || fail "the record names $setting, which $FIX does not set"
    case " $SETTINGS " in *" $setting "*) ;; *) SETTINGS="$SETTINGS $setting" ;; esac
  done
}

# --- Guards ---------------------------------------------------------------------------------------------------

require_settings() {
  # Not `setting`, which the caller counts with.
  for each in $SETTINGS; do
    [ -e "$(path_of "$each")" ] || refuse "this host has no $each"
  done
}

apply_guard() { # settings
  [ -n "$1" ] || return 0
  case $FIX in
    raise-neighbour-limits) guard_neighbours ;;
    raise-fragment-memory)
      free_memory
      [ "$(wanted_value net.ipv4.ipfrag_high_thresh)" -le $((free * 1024 / MEMORY_PART)) ] ||
        refuse "that is more than a $MEMORY_PART-th of the $((free / 1024)) MiB available"
      ;;
  esac
}

# The limits as they would be are in ascending order, and the last one fits into the memory.
guard_neighbours() {
  previous=0
  for number in 1 2 3; do
    setting=net.ipv4.neigh.default.gc_thresh$number
    limit=$(wanted_value "$setting")
    limit=${limit:-$(running "$setting")}
    is_setting_value "$limit" || refuse "$setting cannot be read"
    [ "$limit" -ge "$previous" ] || refuse "$setting would be $limit, below the limit before it"
    previous=$limit
  done
  free_memory
  [ $((limit * NEIGHBOUR_BYTES)) -le $((free * 1024 / MEMORY_PART)) ] ||
    refuse "$limit neighbours may take more than a $MEMORY_PART-th of the $((free / 1024)) MiB available"
}

# --- What the kernel sets together with ip_forward ------------------------------------------------------------

set_with_forwarding() {
  for file in "$ROOT"/proc/sys/net/ipv4/conf/*/forwarding "$ROOT/proc/sys/net/ipv4/conf/all/accept_redirects"; do
    [ ! -e "$file" ] || echo "${file#"$ROOT"}"
  done
}

also_recorded() {
  [ "$FIX" = enable-ip-forward ] || return 0
  for path in $(set_with_forwarding); do echo "beside.$path $(cat "$ROOT$path")"; done
}

# An interface that came since has no record, and keeps what the kernel gave it.
undo_the_rest() {
  [ "$FIX" = enable-ip-forward ] || return 0
  for path in $(set_with_forwarding); do
    before=$(recorded "beside.$path")
    [ -z "$before" ] || [ "$(cat "$ROOT$path")" = "$before" ] || (echo "$before" >"$ROOT$path") 2>/dev/null ||
      note "$path could not be put back to $before"
  done
}

# --- Persist --------------------------------------------------------------------------------------------------

persist_settings() { # owner
  PERSISTED=
  lines=
  for setting in $SETTINGS; do
    what=$setting
    [ "$setting" != net.ipv4.ip_forward ] || what=ip_forward
    PERSISTED="$PERSISTED $what:$setting"
    # The dots in an interface's name are not those between the words.
    interface=${setting#net.ipv4.conf.}
    case $setting in
      net.ipv4.conf.*.*.*) key=net/ipv4/conf/${interface%.*}/${interface##*.} ;;
      *) key=$setting ;;
    esac
    lines="$lines
$key = $(to_persist "$what" "$setting")"
  done
  [ -n "$lines" ] || refuse 'there is nothing to keep: this incident has set nothing on this host'
  [ "$1" != fck-nat ] || [ "$FIX" != enable-ip-forward ] ||
    note 'the service of fck-nat turns forwarding on as well, when it starts'
  [ "$FIX" != loosen-rp-filter ] || [ -e "$ROOT/usr/lib/udev/rules.d/99-systemd.rules" ] ||
    [ -e "$ROOT/lib/udev/rules.d/99-systemd.rules" ] ||
    note 'this host has no rule of udev that would set it again for an interface that comes up late'
  write_file "/etc/sysctl.d/99-zz-nat-medic-$FIX.conf" "# Written by NAT Medic.$lines"
}

main() {
  case $FIX in
    enable-ip-forward | raise-neighbour-limits | loosen-rp-filter | raise-fragment-memory) ;;
    # The two go opposite ways.
    prefer-time-wait-reuse) DIRECTION=either ;;
    *)
      FIX=enable-ip-forward
      ACTION=show
      INCIDENT=
      fail 'Fix must be one of those that set kernel parameters'
      ;;
  esac
  read_request
  read_changes
  add_recorded
  ALSO_PERSISTED=$SETTINGS
  [ "$ACTION" != apply ] || [ "$CHANGES" != none ] || fail 'apply needs Changes'
  run_request
  case $ACTION in
    apply) finish_apply unchanged ;;
    undo) finish_undo ;;
  esac
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
