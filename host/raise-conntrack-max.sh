#!/bin/sh
# raise-conntrack-max - gives the connection tracking table more room: its hash buckets first, then its limit.
#
# USAGE
#   SSM_Action=apply|persist|undo|show SSM_IncidentId=inc-... raise-conntrack-max.sh
#   SSM_ConntrackMax  wanted nf_conntrack_max (apply; 0 leaves it)
#   SSM_Buckets       wanted nf_conntrack_buckets (apply; 0 leaves it); the kernel rounds up to fill a page
#   SSM_RestoreAfterSeconds  after so long the host undoes an apply by itself, unless it was told to persist (default:
#                     never; the document's is 900)
#   SSM_Force         yes: undo also puts back what somebody else has changed since (default no)
#
# READS
#   /proc/sys/net/netfilter, /proc/meminfo, and the files that a reboot would apply (persistence.sh).
#
# CHANGES
#   apply    the two running values. Never lowers one; never beyond a quarter of the free memory.
#   persist  means that the change is to be kept: ends the restore. Then writes
#            /etc/sysctl.d/99-zz-nat-medic-raise-conntrack-max.conf, /etc/modprobe.d/nat-medic.conf and
#            /etc/modules-load.d/nat-medic.conf, or the keys of /etc/fck-nat.conf where fck-nat owns the host.
#   undo     puts back the exact values and files; never sets the limit below the present count.
#   Always   /var/lib/nat-medic/<incident>: the old values, written before anything moves, and the restore: a timer
#            of systemd, or a sleeping process where systemd is not process 1.
#
# OVERHEAD
#   Rehashing holds up packets: 30 ms at 30,000 entries, 0.5 s at a million. 450 B per entry, 8 B per bucket.
#
# EXAMPLE
#   {"schema":"nat-medic/change/1","fix":"raise-conntrack-max","action":"apply","incident":"inc-20261121-a1b2c3d4",
#   "status":"changed","reason":"","values":[{"setting":"net.netfilter.nf_conntrack_buckets","before":"8192",
#   "after":"65536"},{"setting":"net.netfilter.nf_conntrack_max","before":"8192","after":"65536"}],"files":[],"notes":[],
#   "onRecord":"applied","restoresAt":1795253400}
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2046,SC2086 # awk's own $1; lists of words.
set -u
FIX=raise-conntrack-max
SETTINGS='nf_conntrack_buckets nf_conntrack_max'
DIRECTION=raise
CLEAN_UNDO=yes

. "$(dirname "$0")/persistence.sh"
. "$(dirname "$0")/change.sh"
. "$(dirname "$0")/sysctl-settings.sh"
. "$(dirname "$0")/conntrack-boot.sh"

wanted_value() {
  case $1 in
    nf_conntrack_max) unless_zero "${SSM_ConntrackMax:-0}" ;;
    nf_conntrack_buckets) unless_zero "${SSM_Buckets:-0}" ;;
  esac
}

# A quarter of the memory that is free without the present table; the planner keeps to the same bound.
apply_guard() { # settings
  [ -n "$1" ] || return 0
  max=${SSM_ConntrackMax:-0}
  buckets=${SSM_Buckets:-0}
  set -- $(cat "$SYSCTL/nf_conntrack_count" "$SYSCTL/nf_conntrack_max" "$SYSCTL/nf_conntrack_buckets")
  count=${1:-0}
  present_max=${2:-0}
  present_buckets=${3:-0}
  [ "$max" -ge "$present_max" ] || max=$present_max
  [ "$buckets" -ge "$present_buckets" ] || buckets=$present_buckets
  free_memory
  present=$((count * 450 + present_buckets * 8))
  needed=$((max * 450 + buckets * 8))
  [ "$needed" -le $(((free * 1024 + present) / 4)) ] ||
    refuse "$max entries may take $((needed / 1048576)) MiB: more than a quarter of the $((free / 1024)) MiB available"
}

undo_guard() { # settings
  case " $1 " in
    *' nf_conntrack_max '*)
      count=$(running nf_conntrack_count)
      before=$(recorded before.nf_conntrack_max)
      [ "$count" -le "$before" ] ||
        refuse_undo "the table holds $count entries: a limit of $before would refuse every new connection, so nothing was undone"
      ;;
  esac
}

persist_settings() { # owner
  write_boot_settings "$1" buckets:nf_conntrack_buckets max:nf_conntrack_max
}

main() {
  read_request
  for name in ConntrackMax Buckets; do
    case $name in ConntrackMax) value=${SSM_ConntrackMax:-0} ;; *) value=${SSM_Buckets:-0} ;; esac
    is_setting_value "$value" || fail "$name must be a number below 2147483648"
  done
  run_request
  case $ACTION in
    apply) finish_apply unchanged ;;
    undo) finish_undo ;;
  esac
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
