# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2086,SC2153,SC2154 # awk's own $1; $AWK may be two words; variables of change.sh.
# Configuration files that a change writes, each with its exact way back. Part of change.sh.

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
