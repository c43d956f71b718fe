#!/bin/sh
# shorten-conntrack-timeouts - forgets dead connections sooner, those that are already in the table too.
#
# USAGE
#   SSM_Action=apply|persist|undo|show SSM_IncidentId=inc-... shorten-conntrack-timeouts.sh
#   SSM_EstablishedSeconds  wanted tcp_timeout_established (apply; at least 7440; 0 leaves it)
#   SSM_TimeWaitSeconds     wanted tcp_timeout_time_wait (apply; at least 60; 0 leaves it)
#   SSM_Retime              yes: existing entries get the timer they would have under the new timeout (default yes)
#   SSM_RestoreAfterSeconds after so long the host undoes an apply by itself, unless it was told to persist (default:
#                           never; the document's is 900). Refused where that cannot be armed.
#   SSM_Force               yes: undo also puts back what somebody else has changed since (default no)
#
# READS
#   /proc/sys/net/netfilter, the connection table, and the files that a reboot would apply (persistence.sh).
#
# CHANGES
#   apply    the running timeouts (only ever down) and, through ctnetlink, the timers of entries in these states that
#            still run on a longer one. Those that would be over by the new timeout end at once.
#   persist  means that the change is to be kept: ends the restore. Then writes
#            /etc/sysctl.d/99-zz-nat-medic-shorten-conntrack-timeouts.conf and /etc/modules-load.d/nat-medic.conf, or
#            the key of /etc/fck-nat.conf where fck-nat owns the host.
#   undo     puts back the exact timeouts and files. Timers that were moved stay moved.
#   Always   /var/lib/nat-medic/<incident>: the old values, written before anything moves, and the restore: a timer
#            of systemd, or a sleeping process where systemd is not process 1.
#
# OVERHEAD
#   Re-timing 250,000 entries: 3.8 s of one core on Linux 6.18, in batches of 64; packets are not held up.
#
# EXAMPLE
#   {"schema":"nat-medic/change/1","fix":"shorten-conntrack-timeouts","action":"apply",
#   "incident":"inc-20261121-a1b2c3d4","status":"changed","reason":"",
#   "values":[{"setting":"net.netfilter.nf_conntrack_tcp_timeout_established","before":"432000","after":"86400"}],
#   "files":[],"notes":["re-timed 111893 established entries, of which 84084 end at once; left 28 as they were"],
#   "onRecord":"applied","restoresAt":1795253400}
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2086 # awk's own $1; lists of words.
set -u
FIX=shorten-conntrack-timeouts
SETTINGS='nf_conntrack_tcp_timeout_established nf_conntrack_tcp_timeout_time_wait'
DIRECTION=lower
# Timers that were moved stay moved.
CLEAN_UNDO=no
# RFC 5382, REQ-5: an idle established connection lives for 2 hours 4 minutes at least; keepalive takes 2 hours.
LEAST_ESTABLISHED=7440
# A server may hold TIME_WAIT for 60 seconds: a port that comes back sooner meets it.
LEAST_TIME_WAIT=60

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/change.sh"
. "$(dirname "$0")/sysctl-settings.sh"
. "$(dirname "$0")/conntrack-boot.sh"

wanted_value() {
  case $1 in
    nf_conntrack_tcp_timeout_established) unless_zero "${SSM_EstablishedSeconds:-0}" ;;
    nf_conntrack_tcp_timeout_time_wait) unless_zero "${SSM_TimeWaitSeconds:-0}" ;;
  esac
}

apply_guard() {
  at_least "$LEAST_ESTABLISHED" "${SSM_EstablishedSeconds:-0}" EstablishedSeconds
  at_least "$LEAST_TIME_WAIT" "${SSM_TimeWaitSeconds:-0}" TimeWaitSeconds
}
at_least() { # bound value name
  [ "$2" = 0 ] || [ "$2" -ge "$1" ] || refuse "$3 must be at least $1: less would end connections that are alive"
}

# After an undo, entries refreshed in between run on the shorter timeout of that time, and would look long idle
# to whoever measures them against the longer one. This is the longest such timeout, 0 when there is none.
ambiguous_below() { # setting old-timeout
  longest=0
  present_time=$(date +%s)
  for state in "$STATE_ROOT"/*/"$FIX"; do
    undone=$(state_of "$state" undone_at)
    after=$(state_of "$state" "undone_after.$1")
    if [ -n "$undone" ] && [ -n "$after" ] && [ $((present_time - undone)) -lt "$2" ] && [ "$after" -gt "$longest" ]; then
      longest=$after
    fi
  done
  echo "$longest"
}

retime_program() { # old new floor seconds state
  python3 - "$1" "$2" "$3" "$4" "$5" <"$(dirname "$0")/retime-conntrack.py"
}

# Sets MOVED.
retime() {
  MOVED=0
  [ "${SSM_Retime:-yes}" = yes ] || return 0
  if ! have python3; then
    note 'no python3: entries that exist keep their old timers until their next packet'
    return 0
  fi
  [ "${SSM_EstablishedSeconds:-0}" = 0 ] || retime_state nf_conntrack_tcp_timeout_established established || return 0
  [ "${SSM_TimeWaitSeconds:-0}" = 0 ] || retime_state nf_conntrack_tcp_timeout_time_wait time-wait || return 0
}

retime_state() { # setting state; fails where ctnetlink does
  new=$(running "$1")
  # Nothing was lowered: only entries that are older than an earlier change are left to re-time.
  old=$(recorded "before.$1")
  result=$(retime_program "${old:-$new}" "$new" "$(ambiguous_below "$1" "${old:-$new}")" 60 "$2" 2>/dev/null)
  case $result in
    *complete)
      MOVED=$((MOVED + ${result%% *}))
      note "$(echo "$result" | $AWK -v state="$2" '{
        printf "re-timed %d %s entries, of which %d end at once; left %d as they were", $1, state, $2, $3
        if ($4 > 0) printf "; the kernel refused %d", $4
        if ($5 == "incomplete") printf "; stopped after 60 seconds"
      }')"
      ;;
    *) note 'entries that exist keep their old timers: ctnetlink could not be used' && return 1 ;;
  esac
}

persist_settings() { # owner
  set -- "$1" established:nf_conntrack_tcp_timeout_established
  if [ "${SSM_TimeWaitSeconds:-0}" != 0 ] || [ -n "$(recorded before.nf_conntrack_tcp_timeout_time_wait)" ]; then
    set -- "$@" time_wait:nf_conntrack_tcp_timeout_time_wait
  fi
  write_boot_settings "$@"
}

main() {
  read_request
  for value in "${SSM_EstablishedSeconds:-0}" "${SSM_TimeWaitSeconds:-0}"; do
    is_setting_value "$value" || fail 'EstablishedSeconds and TimeWaitSeconds must be numbers of seconds'
  done
  case ${SSM_Retime:-yes} in yes | no) ;; *) fail 'Retime must be yes or no' ;; esac
  run_request
  case $ACTION in
    apply)
      retime
      [ "$MOVED" = 0 ] || finish_apply changed
      finish_apply unchanged
      ;;
    undo)
      note 'timers of entries that were re-timed cannot be put back; each takes the timeout at its next packet'
      finish_undo
      ;;
  esac
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
