#!/bin/sh
# persist-conntrack-settings - writes the connection tracking settings that now run to where a reboot reads them.
#
# USAGE
#   SSM_Action=apply|persist|undo|show SSM_IncidentId=inc-... persist-conntrack-settings.sh
#   SSM_RestoreAfterSeconds  after so long the host undoes an apply by itself, unless it was told to persist (default:
#              never; the document's is 900)
#   SSM_Force  yes: undo also takes back files that somebody else has edited since (default no)
#
# READS
#   /proc/sys/net/netfilter, and the files that a reboot would apply (persistence.sh).
#
# CHANGES
#   apply    no running value. Writes nf_conntrack_buckets, nf_conntrack_max and those of the established and TIME_WAIT
#            timeouts that are not the kernel's own to /etc/sysctl.d/99-zz-nat-medic-persist-conntrack-settings.conf,
#            /etc/modprobe.d/nat-medic.conf and /etc/modules-load.d/nat-medic.conf, or the keys of /etc/fck-nat.conf
#            where fck-nat owns the host. A larger table that the files already say stays. The values it tells are
#            those of a reboot: before, and now.
#   persist  means that the change is to be kept: ends the restore.
#   undo     puts back the exact files.
#   Always   /var/lib/nat-medic/<incident>: the old files, copied before anything is written, and the restore: a timer
#            of systemd, or a sleeping process where systemd is not process 1.
#
# OVERHEAD
#   None: a few small files.
#
# EXAMPLE
#   {"schema":"nat-medic/change/1","fix":"persist-conntrack-settings","action":"apply",
#   "incident":"inc-20261121-a1b2c3d4","status":"changed","reason":"",
#   "values":[{"setting":"net.netfilter.nf_conntrack_max","before":"","after":"65536"}],
#   "files":[{"path":"/etc/modules-load.d/nat-medic.conf","action":"written"}],"notes":[],
#   "onRecord":"applied","restoresAt":1795253400}
# shellcheck source-path=SCRIPTDIR disable=SC2034,SC2046,SC2086 # variables of change.sh; lists of words.
set -u
FIX=persist-conntrack-settings
SETTINGS='nf_conntrack_buckets nf_conntrack_max'
DIRECTION=raise
CLEAN_UNDO=yes
# nf_conntrack_proto_tcp.c: 5 days and 2 minutes, which a reboot brings back by itself.
OWN_ESTABLISHED=432000
OWN_TIME_WAIT=120

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/change.sh"
. "$(dirname "$0")/sysctl-settings.sh"
. "$(dirname "$0")/conntrack-boot.sh"

# A timeout has no direction in which more is better: what runs is what is kept.
to_persist() { # what setting
  present=$(running "$2")
  case $1 in
    max | buckets)
      configured=$(persisted_of "$settings_before" "$1" value)
      if is_setting_value "$configured" && [ "$configured" -gt "$present" ]; then present=$configured; fi
      ;;
  esac
  echo "$present"
}

persist_settings() { # owner
  set -- "$1" buckets:nf_conntrack_buckets max:nf_conntrack_max
  for pair in "established $OWN_ESTABLISHED" "time_wait $OWN_TIME_WAIT"; do
    what=${pair% *}
    # A file may say the opposite of what runs, even where that is the kernel's own.
    if [ "$(running "nf_conntrack_tcp_timeout_$what")" != "${pair#* }" ] ||
      [ -n "$(persisted_of "$settings_before" "$what" value)" ]; then
      set -- "$@" "$what:nf_conntrack_tcp_timeout_$what"
    fi
  done
  write_boot_settings "$@"
}

# The files are the change itself: no running value is set.
apply() {
  require_settings
  case $(status) in applied | persisted) answer unchanged '' ;; esac
  for setting in $SETTINGS; do
    is_setting_value "$(running "$setting")" || fail "$(name_of "$setting") cannot be read"
  done
  owner=$(network_owner)
  [ "$owner" != alternat ] || refuse 'alternat replaces this host from its launch template: set it there'
  arm_restore || no_restore
  if ! begin_record; then
    disarm_restore
    fail 'the record cannot be written to /var/lib/nat-medic, so nothing was changed'
  fi
  WRITTEN=no
  remember_persisted
  persist_settings "$owner" || give_up 'a configuration file could not be written'
  confirm_persisted || give_up 'another file would win at boot'
  if [ "$WRITTEN" = no ]; then
    restore_files
    forget_change
    disarm_restore
    answer unchanged ''
  fi
  record status applied || note 'the state file could not be written: a repeated apply will look at it again'
  answer changed ''
}

give_up() { # reason
  restore_files
  forget_change
  disarm_restore
  fail "$1: everything is as it was"
}

# `apply` has written them.
persist() {
  case $(status) in
    undone) refuse "$(why_undone)" ;;
    none) refuse 'there is nothing to keep: this incident has written nothing on this host' ;;
    applying) refuse 'the change was interrupted: apply it again, or undo it' ;;
  esac
  cancel_restore
  was=$(status)
  record status persisted || fail 'the state file could not be written'
  while IFS= read -r path; do tell_file "$path" kept; done <"$STATE.files"
  [ "$was" = persisted ] || answer changed ''
  answer unchanged ''
}

main() {
  read_request
  run_request
  finish_undo
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
