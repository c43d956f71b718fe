# shellcheck shell=sh
# shellcheck disable=SC2016,SC2086,SC2046,SC2034 # awk's own $1; lists of words; variables of the script that includes this.
# What every fix shares: one change at a time, the old values on disk before anything moves, an exact undo, and one
# line of JSON as the answer. The script that includes this sets
#   FIX        its id
#   SETTINGS   the sysctls under net.netfilter that it may change, in the order to change them
#   DIRECTION  raise or lower
# and defines wanted_value SETTING (0: leave it), apply_guard and undo_guard (which may `refuse`), and
# persist_settings OWNER, which writes files and sets PERSISTED to `<what>:<setting without nf_conntrack_>` words.

LC_ALL=C
export LC_ALL
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
# Tests point this at a tree of their own.
ROOT=${NAT_MEDIC_ROOT:-}
SYSCTL=$ROOT/proc/sys/net/netfilter
STATE_ROOT=$ROOT/var/lib/nat-medic
VALUES=
FILES=
NOTES=

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
}

tell_file() { # path action
  FILES="$FILES${FILES:+,}{\"path\":\"$(plain "$1")\",\"action\":\"$2\"}"
}

answer() { # status reason
  printf '{"schema":"nat-medic/change/1","fix":"%s","action":"%s","incident":"%s","status":"%s","reason":"%s",' \
    "$FIX" "$ACTION" "$INCIDENT" "$1" "$(plain "$2")"
  printf '"values":[%s],"files":[%s],"notes":[%s]}\n' "$VALUES" "$FILES" "$NOTES"
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
  AWK='awk'
  have mawk && AWK='mawk'
  STATE=$STATE_ROOT/$INCIDENT/$FIX
}

# --- State ----------------------------------------------------------------------------------------------------
# /var/lib/nat-medic/<incident>/<fix>            `<key> <value>` lines: status, before.*, wanted.*, after.*, undone*
# /var/lib/nat-medic/<incident>/<fix>.files      paths that persist wrote, one a line
# /var/lib/nat-medic/<incident>/<fix>.copies/    each of them as it was (if it was) and as we wrote it

# On disk when this returns. Older coreutils sync no single file.
flush() { sync "$1" 2>/dev/null || sync; }

# Replaces a file in one step by what comes on standard input, keeping its mode.
replace_file() { # file
  new=${1%/*}/.nat-medic-new.$$
  if [ -e "$1" ]; then cp -p "$1" "$new"; else
    true >"$new" && chmod 0644 "$new"
  fi && cat >"$new" && flush "$new" && mv -f "$new" "$1" && flush "${1%/*}" && return 0
  rm -f "$new"
  return 1
}

state_of() { # state-file key
  [ ! -e "$1" ] || while read -r name value; do
    [ "$name" != "$2" ] || echo "$value"
  done <"$1"
}
recorded() { state_of "$STATE" "$1"; }

# Sets several keys at once: all of them are on disk, or none.
record() { # key value...
  mkdir -p "$STATE_ROOT/$INCIDENT" 2>/dev/null || return 1
  [ -e "$STATE" ] || true >"$STATE" || return 1
  printf '%s %s\n' "$@" | $AWK '!seen[$1]++' - "$STATE" | replace_file "$STATE"
}

# none, applying, applied, persisted (files only) or undone.
status() {
  word=$(recorded status)
  if [ -n "$word" ]; then echo "$word"
  elif [ -n "$(recorded undone_at)" ]; then echo undone
  else echo none; fi
}

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
  flock -w 20 9 || fail 'another change has been running for 20 seconds'
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

# --- Apply ----------------------------------------------------------------------------------------------------

apply() {
  require_module
  [ "$(status)" != applied ] || answer_applied_before
  wanted=
  for setting in $SETTINGS; do
    present=$(running "$setting")
    is_setting_value "$present" || fail "net.netfilter.$setting cannot be read"
    value=$(wanted_value "$setting")
    # What an interrupted run of this incident has already begun is finished, whatever its value is now.
    if [ -n "$(recorded "before.$setting")" ] && [ "$(status)" = applying ]; then
      [ "$value" != 0 ] || value=$(recorded "wanted.$setting")
      wanted="$wanted $setting"
    elif [ "$value" != 0 ] && is_forward "$present" "$value"; then
      wanted="$wanted $setting"
    fi
  done
  # Refuse to go backwards in one setting while going forwards in another; backwards in all is simply nothing to do.
  for setting in $SETTINGS; do
    value=$(wanted_value "$setting")
    [ -z "$wanted" ] || [ "$value" = 0 ] || ! is_forward "$value" "$(running "$setting")" ||
      [ -n "$(recorded "before.$setting")" ] ||
      refuse "$setting is $(running "$setting"): $value would undo that"
  done
  apply_guard "$wanted"
  applied=
  if [ -n "$wanted" ]; then
    record_before $wanted || fail 'the old values cannot be written to /var/lib/nat-medic, so nothing was changed'
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
    for setting in $SETTINGS; do
      [ "$(wanted_value "$setting")" = 0 ] || tell_value "$setting" "$(running "$setting")" "$(running "$setting")"
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

record_before() { # settings
  [ "$(status)" != applying ] || return 0
  pairs=
  for setting in "$@"; do
    pairs="$pairs before.$setting $(running "$setting") wanted.$setting $(wanted_value "$setting")"
  done
  record status applying $pairs
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
  [ -n "$left" ] || forget_change
  [ -z "$left" ] || fail "$culprit did not take its value, and these could not be put back:$left"
  fail "$culprit did not take its value: everything is as it was"
}

# --- Undo -----------------------------------------------------------------------------------------------------

undo() {
  case $(status) in
    undone) answer unchanged 'this incident has been undone before' ;;
    none) [ -e "$STATE.files" ] || answer unchanged 'this incident changed nothing on this host' ;;
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
      [ "$FORCE" = yes ] || refuse "$setting is $present: somebody has changed it since (it was ${after:-not} set here), so nothing was undone"
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
  pairs=
  for setting in $(recorded_settings); do pairs="$pairs undone_after.$setting $(recorded "after.$setting")"; done
  { record undone_at "$(date +%s)" $pairs && forget_change; } ||
    note 'the state file could not be written: undo may be asked again'
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
  mkdir -p "${file%/*}" "$STATE.copies" || return 1
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
  mv -f "$after.new" "$after" && flush "$after" && flush "$STATE.files" && replace_file "$file" <"$after" || return 1
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
      [ "$FORCE" = yes ] || refuse "$path has been edited since, so nothing was undone"
  done <"$STATE.files"
}

restore_files() {
  [ -e "$STATE.files" ] || return 0
  while IFS= read -r path; do
    file=$ROOT$path
    before=$(copy_of "$path" before)
    if owner=$(other_owner "$path") && same_content "$file" "$(copy_of "$path" after "$owner")"; then
      tell_file "$path" kept
      note "$path stays for another incident"
    elif [ -e "$before" ]; then
      same_content "$file" "$before" || replace_file "$file" <"$before" || fail "$path could not be restored"
      tell_file "$path" restored
    else
      rm -f "$file" || fail "$path could not be removed"
      flush "${file%/*}"
      tell_file "$path" removed
    fi
  done <"$STATE.files"
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
  elif [ "$WRITTEN" = yes ]; then
    [ -n "$(recorded status)" ] || record status persisted || note 'the state file could not be written'
    answer changed ''
  fi
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
  note "on record for this incident: $(status)"
  answer unchanged ''
}
