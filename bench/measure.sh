#!/bin/sh
# measure.sh SCRIPT OUTPUT - runs a shell script and prints what it cost, as one line of JSON.
#
# CPU and memory are those of everything the script started together, by a control group of its own. Memory is what
# the run adds to the machine's: program text that was in memory before is not counted. The largest process is the
# largest resident set, text included.
#
# shellcheck disable=SC2016 # The inner shell's own $1 in single quotes.
set -eu
group=/sys/fs/cgroup/measured
report=$2.report

echo +memory > /sys/fs/cgroup/cgroup.subtree_control
[ ! -d $group ] || rmdir $group
mkdir $group

began=$(cut -d ' ' -f 1 /proc/uptime)
# With their paths: BusyBox would start its own sh, and that its own awk, sort and grep.
/bin/busybox time -v -o "$report" /bin/sh -c 'echo $$ > "$1/cgroup.procs"; exec /bin/sh "$2"' \
  sh $group "$1" > "$2" 2> "$2.errors"
ended=$(cut -d ' ' -f 1 /proc/uptime)

awk -v began="$began" -v ended="$ended" -v bytes="$(wc -c < "$2")" -v memory="$(cat $group/memory.peak)" '
  $1 == "usage_usec" { cpu = $2 / 1e6 }
  # BusyBox takes the kernel for one that counts in pages (of 4 KiB here), not in KiB.
  /Maximum resident set size/ { largest = $NF / 4 }
  END {
    printf "{\"cpuSeconds\":%.3f,\"wallSeconds\":%.2f,\"memoryKiB\":%d,\"largestProcessKiB\":%d,\"outputBytes\":%d}\n",
      cpu, ended - began, memory / 1024, largest, bytes
  }' $group/cpu.stat "$report"
