# shellcheck shell=sh source-path=SCRIPTDIR
# shellcheck disable=SC2016,SC2086,SC2046,SC2034 # awk's own $1; lists of words; variables of the script that includes this.
# What every fix shares: one change at a time, a restore that the host itself carries out unless the change is kept,
# the old values on disk before anything moves, an exact undo, and one line of JSON as the answer. The script that
# includes this sets
#   FIX         its id
#   SETTINGS    what it may change, in the order to change it; values are whole numbers
#   DIRECTION   raise, lower or either
#   CLEAN_UNDO  yes, or no: then it is not begun unless its restore could be armed
# and includes what kind of settings they are (sysctl-settings.sh or firewall-rules.sh), which defines running,
# write_setting, is_as_asked, name_of, describe, shown_value, require_settings, remember_persisted and confirm_persisted.
# It defines wanted_value SETTING (empty: leave it) and persist_settings OWNER, which writes files and sets PERSISTED
# to `<what persistence.sh calls it>:<setting>` words; and those of the hooks below that it needs.

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

# --- Hooks ----------------------------------------------------------------------------------------------------

# These may refuse.
apply_guard() { :; } # settings
undo_guard() { :; }  # settings
# Further `key value` words for the record, before anything moves.
also_recorded() { :; }
# What a change brought with it, once its settings are put back.
undo_the_rest() { :; }
# Files beside the record that go with it.
forget_plan() { :; }

. "$(dirname "$0")/change-record.sh"
. "$(dirname "$0")/change-files.sh"
. "$(dirname "$0")/change-restore.sh"

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
  set -- "$1" "$(shown_value "$1" "$2")" "$(shown_value "$1" "$3")"
  VALUES="$VALUES${VALUES:+,}{\"setting\":\"$(name_of "$1")\",\"before\":\"$2\",\"after\":\"$3\"}"
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

# Digits only, at most 2^31 - 1, no leading zero: what a kernel parameter takes.
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

# --- One at a time ------------------------------------------------------------------------------------------

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

# Whether going from one value to another is what this fix is for.
is_forward() { # from to
  case $DIRECTION in
    raise) [ "$2" -gt "$1" ] ;;
    lower) [ "$2" -lt "$1" ] ;;
    *) [ "$2" != "$1" ] ;;
  esac
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

# --- Apply ----------------------------------------------------------------------------------------------------

apply() {
  require_settings
  case $(status) in applied | persisted) [ -z "$(recorded_settings)" ] || answer_applied_before ;; esac
  wanted=
  backwards=
  found=
  started=
  for setting in $SETTINGS; do
    present=$(running "$setting")
    is_setting_value "$present" || fail "$(name_of "$setting") cannot be read"
    value=$(wanted_value "$setting")
    [ -z "$value" ] || found="$found $setting $present"
    # What an interrupted run of this incident has already begun is finished, whatever its value is now.
    if has_begun "$setting"; then
      [ -n "$value" ] || value=$(recorded "wanted.$setting")
      wanted="$wanted $setting"
    elif [ -n "$value" ] && is_forward "$present" "$value"; then
      wanted="$wanted $setting"
      started="$started before.$setting $present wanted.$setting $value"
    elif [ -n "$value" ] && is_forward "$value" "$present"; then
      backwards="$setting is $present: $value would undo that"
    fi
  done
  # Refuse to go backwards in one setting while going forwards in another; backwards in all is simply nothing to do.
  [ -z "$wanted" ] || [ -z "$backwards" ] || refuse "$backwards"
  apply_guard "$wanted"
  applied=
  if [ -n "$wanted" ]; then
    arm_restore || no_restore
    if ! begin_record $started $(also_recorded); then
      disarm_restore
      fail 'the old values cannot be written to /var/lib/nat-medic, so nothing was changed'
    fi
    for setting in $wanted; do
      present=$(running "$setting")
      value=$(wanted_value "$setting")
      [ -n "$value" ] || value=$(recorded "wanted.$setting")
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
    [ "$(running "$setting")" = "$after" ] || drifted="$(describe "$setting" "$(running "$setting")" now), not $after as this incident set it"
    value=$(wanted_value "$setting")
    [ -z "$value" ] || ! is_forward "$after" "$value" ||
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
  forget_plan
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
    require_settings
    present=$(running "$setting")
    before=$(recorded "before.$setting")
    after=$(recorded "after.$setting")
    [ "$present" != "$before" ] || continue
    if [ "$present" != "$after" ] && ! { [ -z "$after" ] && is_as_asked "$setting" "$present" "$(recorded "wanted.$setting")"; }; then
      [ "$FORCE" = yes ] || refuse_undo "$(describe "$setting" "$present"): somebody has changed it since (it was ${after:-not} set here), so nothing was undone"
      note "overruled: $(describe "$setting" "$present"), which somebody else had set"
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
  undo_the_rest
  restore_files
  pairs="undone_at $(date +%s) undone_by $([ -n "$RESTORING" ] && echo host || echo request)"
  for setting in $(recorded_settings); do
    after=$(recorded "after.$setting")
    pairs="$pairs undone_after.$setting ${after:-$(recorded "wanted.$setting")}"
  done
  if record_anew $pairs; then forget_plan; else note 'the state file could not be written: undo may be asked again'; fi
  disarm_restore
}

finish_undo() {
  [ -n "$VALUES$FILES" ] || answer unchanged 'the old values were in force already'
  answer changed ''
}

# --- Persist --------------------------------------------------------------------------------------------------

# Writes what now runs to where a reboot reads it.
persist() {
  case $(status) in
    undone) refuse "$(why_undone)" ;;
    applying) refuse 'the change was interrupted: apply it again, or undo it' ;;
  esac
  # It is to be kept, even where it cannot be made to last.
  cancel_restore
  require_settings
  write_persisted
  [ "$WRITTEN" = no ] && [ -z "$(recorded status)" ] || record status persisted ||
    note 'the state file could not be written'
  [ "$WRITTEN" = no ] || answer changed ''
  answer unchanged ''
}

# The values it tells are those of a reboot: before, and now.
write_persisted() {
  WRITTEN=no
  owner=$(network_owner)
  [ "$owner" != alternat ] || refuse 'alternat replaces this host from its launch template: set it there'
  remember_persisted
  persist_settings "$owner" || fail 'a configuration file could not be written'
  confirm_persisted || fail 'the files were written, but another one wins at boot'
}

# --- All of it ------------------------------------------------------------------------------------------------

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
