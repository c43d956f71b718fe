# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2086,SC2153,SC2154 # awk's own $1; $AWK may be two words; variables of change.sh.
# What a change leaves on the host's disk: a record of the old values, written before anything moves. Part of change.sh.
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
