# shellcheck shell=sh
# shellcheck disable=SC2016,SC2046,SC2086,SC2034,SC2154 # awk's own $1; lists of words; variables of change.sh.
# The restore that a change arms before it moves anything. Part of change.sh.
# The agent kills the whole process group at its timeout, and who sent the command may be gone by then: so a timer
# outside of that group is armed before anything changes, and cancelled when the change is kept or undone.

# The restore is this very script, with its request in front. Its argument says which arming it is for.
write_restore() { # unix-seconds
  # In one piece only, as the documents have it: elsewhere it would not find what it includes.
  [ -f "$0" ] && grep -q '^write_restore() {' "$0" && make_folder || return 1
  # Neither flushed nor replaced in one step: a restart ends the timer as well, and half of a script does nothing.
  (
    umask 077
    exec >"$RESTORE" || exit 1
    echo '#!/bin/sh'
    echo "# Puts back what $INCIDENT changed on this host ($FIX). Runs by itself after $RESTORE_AFTER seconds,"
    echo '# unless the change has been kept or undone by then. May be run by hand.'
    echo "NAT_MEDIC_RESTORE=\${1:-$1}"
    echo '[ $# = 0 ] || exec >/dev/null 2>&1'
    [ -z "$ROOT" ] || echo "NAT_MEDIC_ROOT='$ROOT'"
    $AWK 'BEGIN {
      for (name in ENVIRON)
        if (name ~ /^SSM_[A-Za-z]+$/ && ENVIRON[name] ~ /^[A-Za-z0-9_.,:=\/-]*$/) print name "=\047" ENVIRON[name] "\047"
    }'
    echo "SSM_Action=undo SSM_IncidentId=$INCIDENT SSM_Force=no"
    cat "$0"
  )
}

# A unit of its own, and so a control group of its own.
arm_by_systemd() { # unix-seconds
  [ -d "$SYSTEMD" ] && have systemd-run || return 1
  # Without the property, which old releases may lack, it may come up to a minute late.
  for property in --timer-property=AccuracySec=1s ''; do
    timeout 10 systemd-run --on-active="$RESTORE_AFTER" --unit="$UNIT" $property /bin/sh "$RESTORE" "$1" \
      </dev/null >/dev/null 2>&1 9>&- && return 0
  done
  return 1
}

# A session of its own. The last word is what it is found by.
arm_by_session() { # unix-seconds
  have setsid || return 1
  setsid sh -c 'sleep "$1" && exec sh "$2" "$3" "$4"' restore "$RESTORE_AFTER" "$RESTORE" "$1" "$UNIT:$RESTORE" \
    </dev/null >/dev/null 2>&1 9>&- &
}

sessions() {
  found=$(grep -lF "$UNIT:$RESTORE" /proc/[0-9]*/cmdline 2>/dev/null)
  for process in $found; do
    process=${process#/proc/}
    # `grep` has found itself too, and is gone.
    [ ! -e "/proc/${process%/cmdline}" ] || echo "${process%/cmdline}"
  done
}

# Sets RESTORES_AT.
arm_restore() {
  RESTORES_AT=0
  disarm_restore
  [ "$RESTORE_AFTER" != 0 ] || return 0
  at=$(($(date +%s) + RESTORE_AFTER))
  write_restore "$at" && { arm_by_systemd "$at" || arm_by_session "$at"; } || return 1
  RESTORES_AT=$at
}

# Leaves no timer, unit, process or file. The restore itself only ends what set it off.
disarm_restore() {
  [ -e "$RESTORE" ] || return 0
  if [ -d "$SYSTEMD" ] && have systemctl; then
    timeout 10 systemctl stop "$UNIT.timer" $([ -n "$RESTORING" ] || echo "$UNIT.service") >/dev/null 2>&1
  fi
  [ -n "$RESTORING" ] || for leader in $(sessions); do kill -TERM "-$leader" 2>/dev/null; done
  rm -f "$RESTORE"
}

# First on record, so that a restore which can no longer be stopped finds itself cancelled.
cancel_restore() {
  case $(recorded restore_at) in '' | 0) ;; *) record restore_at 0 || note 'the state file could not be written' ;; esac
  disarm_restore
}

# When the host will put the change back by itself, in Unix seconds; 0: it will not.
restores_at() {
  at=
  case $(status) in applying | applied) at=$(recorded restore_at) ;; esac
  echo "${at:-0}"
}

restore_is_armed() {
  { [ -d "$SYSTEMD" ] && have systemctl &&
    timeout 10 systemctl is-active --quiet "$UNIT.timer" "$UNIT.service" >/dev/null 2>&1; } || [ -n "$(sessions)" ]
}

# Nobody reads a restore's answer, so what came of it goes to the record and the system's log.
finish_restore() { # status reason
  case $LOCKED$1 in
    yesrefused | yesfailed)
      record restore_at 0 restore_refused "$2"
      disarm_restore
      ;;
  esac
  ! have logger || logger -t nat-medic "$INCIDENT $FIX: nobody has kept the change in time, undo: $1 $2 $TOLD" 2>/dev/null
}
