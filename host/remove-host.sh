#!/bin/sh
# remove-host - takes away every trace of enrol-host from this host, also of one that was killed half way.
#
# USAGE
#   remove-host.sh
#   First take the tag away or remove the stack's associations, or State Manager enrols the host again within half an hour.
#
# READS
#   Nothing else than what it removes.
#
# CHANGES
#   Stops and removes nat-medic-metrics.timer and .service, /usr/local/lib/nat-medic/publish-metrics and
#   /run/nat-medic/publisher; takes our part, and only that, out of the CloudWatch agent's configuration, and stops an
#   agent that is left without any. The agent's package stays, as do changes of fixes, each of which has its own undo.
#
# OVERHEAD
#   A fraction of a second; some seconds where the agent restarts.
#
# EXAMPLE
#   {"schema":"nat-medic/enrolment/1","action":"remove","status":"changed","reason":"","transport":"none",
#   "files":[{"path":"/usr/local/lib/nat-medic/publish-metrics","action":"removed"},...]}
#
# shellcheck source-path=SCRIPTDIR
set -u
LC_ALL=C
export LC_ALL
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
ACTION=remove
AGENT=/opt/aws/amazon-cloudwatch-agent
# As the agent calls what it took from the parameter AmazonCloudWatch-nat-medic.
PART=ssm_AmazonCloudWatch-nat-medic

. "$(dirname "$0")/enrolment.sh"

remove_file() { # path
  for file in "$ROOT$1" "$ROOT$1.nat-medic-new"; do
    [ -e "$file" ] || [ -L "$file" ] || continue
    rm -rf "$file" || fail "$1 could not be removed"
    tell_file "${file#"$ROOT"}" removed
  done
}

remove_publisher() {
  if [ -e "$ROOT$UNITS/$TIMER" ] || [ -e "$ROOT$UNITS/$SERVICE" ]; then
    # What runs at this moment ends with it.
    control disable --now "$TIMER"
    control stop "$SERVICE" "$TIMER"
  fi
  # Also where systemd is not there to be asked.
  remove_file "$UNITS/timers.target.wants/$TIMER"
  remove_file "$UNITS/$TIMER"
  remove_file "$UNITS/$SERVICE"
  remove_file "$PROGRAM"
  remove_file "$STATE"
  # What other parts of NAT Medic have there stays, and the directory with it.
  rmdir "$ROOT${PROGRAM%/*}" "$ROOT${STATE%/*}" "$ROOT$UNITS/timers.target.wants" 2>/dev/null
  [ "$CHANGED" = no ] || ! have systemctl || control daemon-reload
  # Of a unit that failed systemd remembers the name.
  ! have systemctl || control reset-failed "$SERVICE" "$TIMER"
}

remove_from_agent() {
  parts=$ROOT$AGENT/etc/amazon-cloudwatch-agent.d
  if [ ! -e "$parts/$PART" ] && [ ! -e "$parts/$PART.tmp" ]; then return 0; fi
  agent=$ROOT$AGENT/bin/amazon-cloudwatch-agent-ctl
  [ -x "$agent" ] || agent=false
  limited 30 "$agent" -a remove-config -m ec2 -c "ssm:${PART#ssm_}" >/dev/null 2>&1
  # Whatever became of that.
  remove_file "$AGENT/etc/amazon-cloudwatch-agent.d/$PART"
  remove_file "$AGENT/etc/amazon-cloudwatch-agent.d/$PART.tmp"
  CHANGED=yes
  [ "$agent" != false ] || return 0
  for other in "$parts"/*; do
    [ -e "$other" ] || continue
    # It makes its configuration anew of the parts that are left.
    control restart amazon-cloudwatch-agent || fail 'our part of the agent configuration is removed, but the agent could not be restarted'
    return 0
  done
  limited 30 "$agent" -a stop -m ec2 >/dev/null 2>&1 ||
    fail 'our part of the agent configuration is removed, but the agent could not be stopped'
}

main() {
  remove_publisher
  remove_from_agent
  [ "$CHANGED" = no ] || answer changed ''
  answer unchanged 'nothing of it was here'
}

main </dev/null
