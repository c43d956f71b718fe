# shellcheck shell=sh
# shellcheck disable=SC2016,SC2086,SC2046,SC2034 # awk's own $1; lists of words; variables of the script that includes this.
# What every fix shares: one change at a time, a restore that the host itself carries out unless the change is kept,
# the old values on disk before anything moves, an exact undo, and one line of JSON as the answer. The script that
# includes this sets
#   FIX         its id
#   SETTINGS    the sysctls under net.netfilter that it may change, in the order to change them
#   DIRECTION   raise or lower
#   CLEAN_UNDO  yes, or no: then it is not begun unless its restore could be armed
# and defines wanted_value SETTING (0: leave it), apply_guard and undo_guard (which may `refuse`), and
# persist_settings OWNER, which writes files and sets PERSISTED to `<what>:<setting without nf_conntrack_>` words.

LC_ALL=C
export LC_ALL
umask 022
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
# Tests point this at a tree of their own.
ROOT=${NAT_MEDIC_ROOT:-}
SYSCTL=$ROOT/proc/sys/net/netfilter
STATE_ROOT=$ROOT/var/lib/nat-medic
SYSTEMD=$ROOT/run/systemd/system
STATE=
LOCKED=
RESTORING=
RESTORES_AT=0
VALUES=
FILES=
NOTES=
TOLD=

have() { command -v "$1" >/dev/null 2>&1; }

# --- The answer -----------------------------------------------------------------------------------------------

# Letters, digits and a little punctuation: no text from the host can carry markup.
plain() {
  case $1 in
    *[!A-Za-z0-9_.,:\;/\(\)=%+\ -]*) printf %s "$1" | tr -c 'A-Za-z0-9_.,:;/()=%+ -' ' ' | cut -c 1-160 ;;
    *) printf %.160s "$1" ;;
  esac
}

note() { NOTES="$NOTES${NOTES:+,}\"$(plain "$1")\""; }

tell_value() { # setting before after
  VALUES="$VALUES${VALUES:+,}{\"setting\":\"net.netfilter.$1\",\"before\":\"$2\",\"after\":\"$3\"}"
  TOLD="$TOLD${TOLD:+, }$1 $2 -> $3"
}

tell_file() { # path action
  FILES="$FILES${FILES:+,}{\"path\":\"$(plain "$1")\",\"action\":\"$2\"}"
}

answer() { # status reason
  [ -z "$RESTORING" ] || finish_restore "$1" "$2"
  restores_at=$(restores_at)
  if [ "$restores_at" != 0 ] && [ "$restores_at" != "$RESTORES_AT" ] && ! restore_is_armed; then
    restores_at=0
    note 'the restore that was armed is gone: the host will not put this back by itself'
  fi
  printf '{"schema":"nat-medic/change/1","fix":"%s","action":"%s","incident":"%s","status":"%s","reason":"%s",' \
    "$FIX" "$ACTION" "$INCIDENT" "$1" "$(plain "$2")"
  printf '"values":[%s],"files":[%s],"notes":[%s],"onRecord":"%s","restoresAt":%s}\n' \
    "$VALUES" "$FILES" "$NOTES" "$(status)" "$restores_at"
  exit 0
}
refuse() { answer refused "$1"; }
fail() { answer failed "$1"; }

# --- Input ----------------------------------------------------------------------------------------------------

# Digits only, at most 2^31 - 1, no leading zero: what an nf_conntrack sysctl takes.
is_setting_value() {
  case $1 in '' | *[!0-9]* | 0?* | ???????????*) return 1 ;; esac
  [ "$1" -le 2147483647 ]
}

read_request() {
  ACTION=${SSM_Action:-show}
  INCIDENT=${SSM_IncidentId:-}
  FORCE=${SSM_Force:-no}
  RESTORE_AFTER=${SSM_RestoreAfterSeconds:-0}
  case $ACTION in
    apply | persist | undo | show) ;;
    *)
      ACTION=show
      INCIDENT=
      fail 'Action must be apply, persist, undo or show'
      ;;
  esac
  case $INCIDENT in
    inc-????????*) ;;
    *)
      INCIDENT=
      fail 'IncidentId must look like inc-20260101-abcd1234'
      ;;
  esac
  case ${INCIDENT#inc-} in
    *[!a-z0-9-]*)
      INCIDENT=
      fail 'IncidentId must look like inc-20260101-abcd1234'
      ;;
  esac
  [ ${#INCIDENT} -le 64 ] || fail 'IncidentId is longer than 64 characters'
  case $FORCE in yes | no) ;; *) fail 'Force must be yes or no' ;; esac
  is_setting_value "$RESTORE_AFTER" || fail 'RestoreAfterSeconds must be a number of seconds'
  [ "$RESTORE_AFTER" -le 86400 ] || fail 'RestoreAfterSeconds is more than a day'
  AWK='awk'
  have mawk && AWK='mawk'
  STATE=$STATE_ROOT/$INCIDENT/$FIX
  RESTORE=$STATE.restore.sh
  UNIT=nat-medic-restore-$INCIDENT-$FIX
  BOOT=$(cat "$ROOT/proc/sys/kernel/random/boot_id" 2>/dev/null || echo unknown)
  # Only the restore itself says so.
  RESTORING=${NAT_MEDIC_RESTORE:-}
}

# --- State ----------------------------------------------------------------------------------------------------
# /var/lib/nat-medic/<incident>/<fix>            `<key> <value>` lines: status, before.*, wanted.*, after.*, undone*,
#                                                boot (which one of this host), restore_at (Unix seconds, 0: not)
# /var/lib/nat-medic/<incident>/<fix>.restore.sh this script, set to undo the change: while a restore is armed
# /var/lib/nat-medic/<incident>/<fix>.files      paths that persist wrote, one a line
# /var/lib/nat-medic/<incident>/<fix>.copies/    each of them as it was (if it was) and as we wrote it

# On disk when this returns. Older coreutils sync no single file.
flush() { sync "$@" 2>/dev/null || sync; } # file...

# Replaces a file in one step by what comes on standard input, keeping its mode.
replace_file() { # file
  # One name for all, under the lock: what a killed run left is overwritten, or removed by restore_files.
  new=${1%/*}/.nat-medic-new
  { [ ! -e "$1" ] || cp -p "$1" "$new"; } && cat >"$new" && put_in_place "$new" "$1"
}

put_in_place() { # new file
  flush "$1" && mv -f "$1" "$2" && flush "${2%/*}" && return 0
  rm -f "$1"
  return 1
}

state_of() { # state-file key
  [ ! -e "$1" ] || while read -r name value; do
    [ "$name" != "$2" ] || echo "$value"
  done <"$1"
}
recorded() { state_of "$STATE" "$1"; }

make_folder() { [ -d "${STATE%/*}" ] || mkdir -p "${STATE%/*}" 2>/dev/null; }

write_record() { # awk-condition-for-lines-to-keep key value...
  keep=$1
  shift
  make_folder || return 1
  [ -e "$STATE" ] || true >"$STATE" || return 1
  printf '%s %s\n' "$@" | $AWK "(NR == FNR || $keep)"' && !seen[$1]++' - "$STATE" >"$STATE.new" &&
    put_in_place "$STATE.new" "$STATE"
}
# Sets several keys at once: all of them are on disk, or none.
record() { write_record 1 "$@"; } # key value...
# The same, and of what was there only stays that something was undone, and when.
record_anew() { write_record '/^undone/' "$@"; } # key value...

has_restarted() {
  boot=$(recorded boot)
  case $boot in '' | unknown | "$BOOT") return 1 ;; esac
  [ "$BOOT" != unknown ]
}

# none, applying, applied, persisted or undone. A restart of the host undoes what was not made to last.
status() {
  word=$(recorded status)
  if [ -z "$STATE" ]; then
    word=none
  elif [ -e "$STATE.files" ]; then
    word=${word:-persisted}
  else
    case $word in
      applying | applied) ! has_restarted || word=undone ;;
      '') word=$([ -n "$(recorded undone_at)" ] && echo undone || echo none) ;;
    esac
  fi
  echo "$word"
}

utc() { date -u -d "@$1" '+%Y-%m-%d %H:%M:%S UTC' 2>/dev/null || echo "$1 seconds after 1970"; }

why_undone() {
  if [ -n "$(recorded status)" ]; then echo 'this host has restarted since, which undid the change'
  elif [ "$(recorded undone_by)" = host ]; then
    echo "the host has put this back at $(utc "$(recorded undone_at)"), since nobody had kept the change by then"
  else echo 'this incident has been undone before'; fi
}

# What this incident has begun on this host and not finished.
has_begun() { [ "$(status)" = applying ] && [ -n "$(recorded "before.$1")" ]; } # setting

# Closes the record: what stays is that something was undone, and when.
forget_change() {
  [ ! -e "$STATE" ] || $AWK '/^undone/' "$STATE" | replace_file "$STATE"
}

# One change at a time on this host, whichever fix.
take_lock() {
  have flock || fail 'flock is missing, so changes could overlap'
  mkdir -p "$ROOT/run" || fail 'there is no /run'
  # A failed `exec` would end the shell without an answer, so try first.
  (true >>"$ROOT/run/nat-medic.lock") 2>/dev/null || fail 'cannot open /run/nat-medic.lock'
  exec 9>>"$ROOT/run/nat-medic.lock"
  patience=20
  # Nobody would ask the restore again.
  [ -z "$RESTORING" ] || patience=600
  flock -w $patience 9 || fail "another change has been running for $patience seconds"
  LOCKED=yes
}

# --- Running values -------------------------------------------------------------------------------------------

# `cat`, never `read <`: the shells read byte by byte, and /proc/sys answers only the first.
running() { cat "$SYSCTL/$1" 2>/dev/null; }

write_setting() { # setting value
  (echo "$2" >"$SYSCTL/$1") 2>/dev/null && return 0
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

# Whether going from one value to another is what this fix is for.
is_forward() { # from to
  if [ "$DIRECTION" = raise ]; then [ "$2" -gt "$1" ]; else [ "$2" -lt "$1" ]; fi
}

reversed() {
  backwards=
  for word in "$@"; do backwards="$word $backwards"; done
  echo "$backwards"
}

# The settings that this incident has on record.
recorded_settings() {
  for setting in $SETTINGS; do [ -z "$(recorded "before.$setting")" ] || echo "$setting"; done
}

require_module() {
  [ -e "$SYSCTL/nf_conntrack_count" ] || refuse 'nf_conntrack is not loaded: this host tracks no connections'
}

# --- The restore ----------------------------------------------------------------------------------------------
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
        if (name ~ /^SSM_[A-Za-z]+$/ && ENVIRON[name] ~ /^[A-Za-z0-9-]*$/) print name "=\047" ENVIRON[name] "\047"
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

# --- Apply ----------------------------------------------------------------------------------------------------

apply() {
  require_module
  case $(status) in applied | persisted) [ -z "$(recorded_settings)" ] || answer_applied_before ;; esac
  wanted=
  backwards=
  found=
  started=
  for setting in $SETTINGS; do
    present=$(running "$setting")
    is_setting_value "$present" || fail "net.netfilter.$setting cannot be read"
    value=$(wanted_value "$setting")
    [ "$value" = 0 ] || found="$found $setting $present"
    # What an interrupted run of this incident has already begun is finished, whatever its value is now.
    if has_begun "$setting"; then
      [ "$value" != 0 ] || value=$(recorded "wanted.$setting")
      wanted="$wanted $setting"
    elif [ "$value" != 0 ] && is_forward "$present" "$value"; then
      wanted="$wanted $setting"
      started="$started before.$setting $present wanted.$setting $value"
    elif [ "$value" != 0 ] && is_forward "$value" "$present"; then
      backwards="$setting is $present: $value would undo that"
    fi
  done
  # Refuse to go backwards in one setting while going forwards in another; backwards in all is simply nothing to do.
  [ -z "$wanted" ] || [ -z "$backwards" ] || refuse "$backwards"
  apply_guard "$wanted"
  applied=
  if [ -n "$wanted" ]; then
    arm_restore || no_restore
    if ! begin_record $started; then
      disarm_restore
      fail 'the old values cannot be written to /var/lib/nat-medic, so nothing was changed'
    fi
    for setting in $wanted; do
      present=$(running "$setting")
      value=$(wanted_value "$setting")
      [ "$value" != 0 ] || value=$(recorded "wanted.$setting")
      is_as_asked "$setting" "$present" "$value" || write_setting "$setting" "$value" || roll_back "$setting" $wanted
      after=$(running "$setting")
      is_as_asked "$setting" "$after" "$value" || roll_back "$setting" $wanted
      tell_value "$setting" "$(recorded "before.$setting")" "$after"
      applied="$applied after.$setting $after"
    done
  else
    set -- $found
    while [ $# -gt 0 ]; do
      tell_value "$1" "$2" "$2"
      shift 2
    done
  fi
}

# Ends an apply whose settings are in place.
finish_apply() { # changed | unchanged
  if [ -n "$wanted" ]; then
    record status applied $applied || note 'the state file could not be written: a repeated apply will look at it again'
    answer changed ''
  fi
  answer "$1" ''
}

no_restore() {
  [ "$CLEAN_UNDO" = yes ] ||
    refuse 'no restore could be armed on this host, and this change cannot be undone cleanly: it was not made'
  note 'no restore could be armed: the host will not put this back by itself'
}

begin_record() { # key value...
  set -- status applying boot "$BOOT" restore_at "$RESTORES_AT" "$@"
  if [ "$(status)" = applying ]; then record "$@"; else record_anew "$@"; fi
}

answer_applied_before() {
  drifted=
  for setting in $(recorded_settings); do
    after=$(recorded "after.$setting")
    tell_value "$setting" "$(recorded "before.$setting")" "$after"
    [ "$(running "$setting")" = "$after" ] || drifted="$setting is now $(running "$setting"), not $after as this incident set it"
    value=$(wanted_value "$setting")
    [ "$value" = 0 ] || ! is_forward "$after" "$value" ||
      drifted="this incident has already set $setting to $after: undo it before asking for $value"
  done
  [ -z "$drifted" ] || refuse "$drifted"
  answer unchanged ''
}

# Something did not take: put back what was already set, in reverse.
roll_back() { # failed-setting settings
  culprit=$1
  shift
  VALUES=
  left=
  for setting in $(reversed "$@"); do
    before=$(recorded "before.$setting")
    [ "$(running "$setting")" = "$before" ] || write_setting "$setting" "$before"
    [ "$(running "$setting")" = "$before" ] || left="$left $setting"
    tell_value "$setting" "$before" "$(running "$setting")"
  done
  # What is left, the restore may still put back.
  [ -z "$left" ] || fail "$culprit did not take its value, and these could not be put back:$left"
  forget_change
  disarm_restore
  fail "$culprit did not take its value: everything is as it was"
}

# --- Undo -----------------------------------------------------------------------------------------------------

# With what undo would put back, and what is there now.
refuse_undo() { # reason
  VALUES=
  for setting in $(reversed $(recorded_settings)); do
    before=$(recorded "before.$setting")
    present=$(running "$setting")
    [ "$present" = "$before" ] || tell_value "$setting" "$before" "$present"
  done
  refuse "$1"
}

undo() {
  case $(status) in
    undone)
      cancel_restore
      answer unchanged "$(why_undone)"
      ;;
    none)
      cancel_restore
      answer unchanged 'this incident changed nothing on this host'
      ;;
  esac
  # All or nothing, so look at everything before touching anything.
  restore=
  for setting in $(reversed $(recorded_settings)); do
    require_module
    present=$(running "$setting")
    before=$(recorded "before.$setting")
    after=$(recorded "after.$setting")
    [ "$present" != "$before" ] || continue
    if [ "$present" != "$after" ] && ! { [ -z "$after" ] && is_as_asked "$setting" "$present" "$(recorded "wanted.$setting")"; }; then
      [ "$FORCE" = yes ] || refuse_undo "$setting is $present: somebody has changed it since (it was ${after:-not} set here), so nothing was undone"
      note "$setting was $present, which somebody else had set"
    fi
    restore="$restore $setting"
  done
  check_files
  undo_guard "$restore"
  for setting in $restore; do
    present=$(running "$setting")
    before=$(recorded "before.$setting")
    write_setting "$setting" "$before"
    tell_value "$setting" "$present" "$(running "$setting")"
    [ "$(running "$setting")" = "$before" ] || fail "$setting did not take back $before"
  done
  restore_files
  pairs="undone_at $(date +%s) undone_by $([ -n "$RESTORING" ] && echo host || echo request)"
  for setting in $(recorded_settings); do
    after=$(recorded "after.$setting")
    pairs="$pairs undone_after.$setting ${after:-$(recorded "wanted.$setting")}"
  done
  record_anew $pairs || note 'the state file could not be written: undo may be asked again'
  disarm_restore
}

finish_undo() {
  [ -n "$VALUES$FILES" ] || answer unchanged 'the old values were in force already'
  answer changed ''
}

# --- Files ----------------------------------------------------------------------------------------------------

same_content() {
  [ -e "$1" ] && [ -e "$2" ] || return 1
  if have cmp; then cmp -s "$1" "$2"; else
    [ "$(cat "$1" && echo .)" = "$(cat "$2" && echo .)" ]
  fi
}

is_listed() { # path list-file
  [ -e "$2" ] || return 1
  while IFS= read -r line; do
    [ "$line" != "$1" ] || return 0
  done <"$2"
  return 1
}

copy_of() ( # path before|after [state]
  set -f
  IFS=/
  set -- "$2" "${3:-$STATE}" $1
  kind=$1
  state=$2
  shift 2
  IFS=_
  printf '%s.copies/%s.%s' "$state" "$*" "$kind"
)

# The state of another incident that has this file on record, if any.
other_owner() { # path
  for list in "$STATE_ROOT"/*/*.files; do
    [ -e "$list" ] && [ "$list" != "$STATE.files" ] && is_listed "$1" "$list" && echo "${list%.files}" && return 0
  done
  return 1
}

# Writes a configuration file and records it for undo; what is there is backed up first.
write_file() { # path content
  file=$ROOT$1
  after=$(copy_of "$1" after)
  { [ -d "${file%/*}" ] && [ -d "$STATE.copies" ]; } || mkdir -p "${file%/*}" "$STATE.copies" || return 1
  printf '%s\n' "$2" >"$after.new" || return 1
  if [ -e "$file" ] && same_content "$file" "$after.new"; then
    # Ours from another incident: that one keeps its claim, and the last to be undone puts the original back.
    if owner=$(other_owner "$1") && ! is_listed "$1" "$STATE.files"; then
      [ ! -e "$(copy_of "$1" before "$owner")" ] || cp -p "$(copy_of "$1" before "$owner")" "$(copy_of "$1" before)"
      mv -f "$after.new" "$after"
      printf '%s\n' "$1" >>"$STATE.files"
    fi
    rm -f "$after.new"
    tell_file "$1" kept
    return 0
  fi
  if ! is_listed "$1" "$STATE.files"; then
    [ ! -e "$file" ] || cp -p "$file" "$(copy_of "$1" before)" || return 1
    printf '%s\n' "$1" >>"$STATE.files" || return 1
  fi
  mv -f "$after.new" "$after" && flush "$after" "$STATE.files" && replace_file "$file" <"$after" || return 1
  tell_file "$1" written
  WRITTEN=yes
}

# Nothing of what persist wrote may have been edited since.
check_files() {
  [ -e "$STATE.files" ] || return 0
  while IFS= read -r path; do
    file=$ROOT$path
    before=$(copy_of "$path" before)
    [ -e "$file" ] || continue
    same_content "$file" "$(copy_of "$path" after)" || { [ -e "$before" ] && same_content "$file" "$before"; } ||
      [ "$FORCE" = yes ] || {
        tell_file "$path" kept
        refuse_undo "$path has been edited since, so nothing was undone"
      }
  done <"$STATE.files"
}

# The last written first: at any moment a restart finds files that agree with each other.
restore_files() {
  [ -e "$STATE.files" ] || return 0
  while IFS= read -r path; do
    file=$ROOT$path
    before=$(copy_of "$path" before)
    rm -f "${file%/*}/.nat-medic-new"
    if owner=$(other_owner "$path") && same_content "$file" "$(copy_of "$path" after "$owner")"; then
      tell_file "$path" kept
      note "$path stays for another change"
    elif [ -e "$before" ]; then
      same_content "$file" "$before" || replace_file "$file" <"$before" || fail "$path could not be restored"
      tell_file "$path" restored
    else
      rm -f "$file" || fail "$path could not be removed"
      flush "${file%/*}"
      tell_file "$path" removed
    fi
  done <<END_OF_FILES
$($AWK '{ line[NR] = $0 } END { for (i = NR; i > 0; i--) print line[i] }' "$STATE.files")
END_OF_FILES
  rm -rf "$STATE.files" "$STATE.copies"
}

# --- Persist --------------------------------------------------------------------------------------------------

persisted_of() { # settings what value|file
  printf '%s\n' "$1" | while read -r what value file; do
    [ "$what" != "$2" ] || case $3 in value) echo "$value" ;; file) echo "$file" ;; esac
  done
}

# What a reboot should set: what now runs, unless the files already say more of the same. Needs settings_before.
to_persist() { # what setting
  present=$(running "$2")
  configured=$(persisted_of "$settings_before" "$1" value)
  if is_setting_value "$configured" && is_forward "$present" "$configured"; then echo "$configured"; else echo "$present"; fi
}

# Writes what now runs to where a reboot reads it, and then reads back what a reboot would make of all the files.
# The values it tells are those of a reboot: before, and now.
persist() {
  case $(status) in
    undone) refuse "$(why_undone)" ;;
    applying) refuse 'the change was interrupted: apply it again, or undo it' ;;
  esac
  # It is to be kept, even where it cannot be made to last.
  cancel_restore
  require_module
  WRITTEN=no
  owner=$(network_owner)
  [ "$owner" != alternat ] || refuse 'alternat replaces this host from its launch template: set it there'
  settings_before=$(persisted_settings)
  persist_settings "$owner" || fail 'a configuration file could not be written'
  settings_now=$(persisted_settings)
  broken=
  for pair in $PERSISTED; do
    setting=nf_conntrack_${pair#*:}
    present=$(to_persist "${pair%:*}" "$setting")
    found=$(persisted_of "$settings_now" "${pair%:*}" value)
    where=$(persisted_of "$settings_now" "${pair%:*}" file)
    tell_value "$setting" "$(persisted_of "$settings_before" "${pair%:*}" value)" "$found"
    if [ "$found" != "$present" ]; then
      broken=yes
      note "a reboot would set $setting to ${found:-its default} and not $present: ${where:-no file} has the last word"
    fi
  done
  if [ -n "$broken" ]; then
    fail 'the files were written, but another one wins at boot'
  fi
  [ "$WRITTEN" = no ] && [ -z "$(recorded status)" ] || record status persisted ||
    note 'the state file could not be written'
  [ "$WRITTEN" = no ] || answer changed ''
  answer unchanged ''
}

# Sets keys in fck-nat's configuration, which is sourced by a shell; every other line stays.
write_fck_nat_conf() { # key value...
  write_file "$FCK_NAT_CONF" "$({ [ ! -e "$ROOT$FCK_NAT_CONF" ] || cat "$ROOT$FCK_NAT_CONF"; } | $AWK -v pairs="$*" '
    BEGIN { n = split(pairs, word, " "); for (i = 1; i < n; i += 2) value[word[i]] = word[i + 1] }
    {
      key = $0
      sub(/^[ \t]*(export[ \t]+)?/, "", key)
      sub(/=.*$/, "", key)
      if (index($0, "=") && (key in value)) {
        if (!(key in done)) print key "=" value[key]
        done[key] = 1
      } else print
    }
    END { for (i = 1; i < n; i += 2) if (!(word[i] in done)) print word[i] "=" value[word[i]] }')"
}

# --- All of it ------------------------------------------------------------------------------------------------

# Makes the module, and so its sysctls, be there before systemd-sysctl runs.
write_modules_load() {
  module_is_built_in || write_file /etc/modules-load.d/nat-medic.conf "# Written by NAT Medic.
nf_conntrack"
}

run_request() {
  case $ACTION in
    show) show ;;
  esac
  [ -n "$ROOT" ] || [ "$(id -u)" = 0 ] || fail 'only root can do this'
  take_lock
  if [ -n "$RESTORING" ] && [ "$(recorded restore_at)" != "$RESTORING" ]; then
    # Unless there is another by now, it takes itself down.
    case $(recorded restore_at) in '' | 0) disarm_restore ;; esac
    RESTORING=
    answer unchanged 'this restore has been cancelled'
  fi
  case $ACTION in
    apply) apply ;;
    persist) persist ;;
    undo) undo ;;
  esac
}

show() {
  for setting in $SETTINGS; do
    present=$(running "$setting")
    [ -z "$present" ] || tell_value "$setting" "$(recorded "before.$setting")" "$present"
  done
  case $(status) in
    undone) note "$(why_undone)" ;;
    applying | applied)
      why=$(recorded restore_refused)
      [ -z "$why" ] || note "the host could not put this back by itself: $why"
      ;;
  esac
  answer unchanged ''
}
