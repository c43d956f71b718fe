#!/bin/sh
# enrol-host - installs the publisher of metrics on a NAT instance, and sees to it that it publishes.
#
# USAGE
#   SSM_Period        seconds between two publications: 60 or 10
#   SSM_Transport     agent, cli, or auto: the CloudWatch agent where it listens, else the AWS CLI
#   SSM_LogGroup      log group that the agent writes to
#   SSM_WaitSeconds   how long to wait for the first publication, where the agent is still being installed
#   AWS_SSM_INSTANCE_ID and AWS_SSM_REGION_NAME come from the SSM agent. Run again at any time: what is as it should be
#   is not touched.
#
# READS
#   What it installed before, and what the publisher says of its last run.
#
# CHANGES
#   /usr/local/lib/nat-medic/publish-metrics and nat-medic-metrics.service and .timer in /etc/systemd/system, which it enables and
#   starts. remove-host.sh takes all of it away. Needs systemd.
#
# OVERHEAD
#   A fraction of a second; some minutes at most where it waits.
#
# EXAMPLE
#   {"schema":"nat-medic/enrolment/1","action":"enrol","status":"changed","reason":"","transport":"agent",
#   "files":[{"path":"/usr/local/lib/nat-medic/publish-metrics","action":"written"},...]}
#
# shellcheck source-path=SCRIPTDIR
set -u
LC_ALL=C
export LC_ALL
umask 022
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac
ACTION=enrol

. "$(dirname "$0")/enrolment.sh"

read_request() {
  PERIOD=${SSM_Period:-60}
  TRANSPORT=${SSM_Transport:-auto}
  LOG_GROUP=${SSM_LogGroup:-/nat-medic/metrics}
  WAIT=${SSM_WaitSeconds:-0}
  case $PERIOD in 10 | 60) ;; *) fail 'Period must be 10 or 60' ;; esac
  case $TRANSPORT in auto | agent | cli) ;; *) fail 'Transport must be auto, agent or cli' ;; esac
  case $LOG_GROUP in /*) ;; *) fail 'LogGroup must begin with /' ;; esac
  case $LOG_GROUP in *[!A-Za-z0-9_/-]*) fail 'LogGroup may only hold letters, digits and _/-' ;; esac
  case $WAIT in '' | *[!0-9]* | ????*) fail 'WaitSeconds must be a number below 1000' ;; esac
}

# What Systems Manager calls this host; a hybrid one (mi-...) is no instance of EC2.
read_identity() {
  INSTANCE=${AWS_SSM_INSTANCE_ID:-}
  REGION=${AWS_SSM_REGION_NAME:-}
  case ${INSTANCE#i-} in "$INSTANCE" | *[!0-9a-f]* | ??????????????????*) fail 'the SSM agent names no EC2 instance (AWS_SSM_INSTANCE_ID)' ;; esac
  case ${INSTANCE#i-} in ????????*) ;; *) fail 'the SSM agent names no EC2 instance (AWS_SSM_INSTANCE_ID)' ;; esac
  case $REGION in '' | *[!a-z0-9-]*) fail 'the SSM agent names no Region (AWS_SSM_REGION_NAME)' ;; esac
}

require_host() {
  [ -d "$ROOT/run/systemd/system" ] || fail 'the publisher needs systemd as process 1'
  have systemctl || fail 'systemctl is missing'
  have awk || have mawk || have gawk || have busybox || fail 'awk is missing: install mawk or gawk'
}

# Complete or not there at all, also when killed half way.
install_file() { # path mode, content from standard input
  file=$ROOT$1
  mkdir -p "${file%/*}" || fail "${1%/*} could not be made"
  cat >"$file.nat-medic-new" || fail "$1 could not be written"
  chmod "$2" "$file.nat-medic-new"
  if [ -e "$file" ] && cmp -s "$file" "$file.nat-medic-new"; then
    rm -f "$file.nat-medic-new"
    return 0
  fi
  sync "$file.nat-medic-new" 2>/dev/null
  mv -f "$file.nat-medic-new" "$file" || fail "$1 could not be written"
  tell_file "$1" written
}

install_program() {
  install_file "$PROGRAM" 755 <"$(dirname "$0")/publish-metrics.sh"
}

# Lower than what forwards, and never so long or large that it would be noticed. Without LogLevelMax systemd would write three
# lines to the journal each time.
install_service() {
  limit=8
  [ "$PERIOD" = 10 ] || limit=45
  install_file "$UNITS/$SERVICE" 644 <<END_OF_UNIT
# Written by NAT Medic. The document NatMedic-RemoveHost removes it.
[Unit]
Description=Publishes the state of this NAT instance to CloudWatch

[Service]
Type=oneshot
ExecStart=/bin/sh $PROGRAM
Environment=NAT_MEDIC_INSTANCE_ID=$INSTANCE NAT_MEDIC_REGION=$REGION
Environment=NAT_MEDIC_PERIOD=$PERIOD NAT_MEDIC_TRANSPORT=$TRANSPORT NAT_MEDIC_LOG_GROUP=$LOG_GROUP
TimeoutStartSec=${limit}s
Nice=5
MemoryMax=160M
TasksMax=32
NoNewPrivileges=yes
SyslogIdentifier=nat-medic-metrics
SyslogLevel=notice
LogLevelMax=notice
END_OF_UNIT
}

# At seconds of its own, by the instance's name, so that a fleet does not publish in one moment; by the calendar, since a
# timer that counts from the last run drifts, and then now and then a minute goes without a value.
install_timer() {
  tail=${INSTANCE#"${INSTANCE%???}"}
  if [ "$PERIOD" = 10 ]; then
    calendar="*:*:$((0x$tail % 10))/10"
    accuracy=100ms
  else
    calendar="*:*:$((0x$tail % 60))"
    accuracy=1s
  fi
  install_file "$UNITS/$TIMER" 644 <<END_OF_UNIT
# Written by NAT Medic. The document NatMedic-RemoveHost removes it.
[Unit]
Description=When the state of this NAT instance is published to CloudWatch

[Timer]
OnCalendar=$calendar
AccuracySec=$accuracy

[Install]
WantedBy=timers.target
END_OF_UNIT
}

start_timer() {
  if [ "$CHANGED" = yes ]; then
    control daemon-reload || fail 'systemd could not be reloaded'
  elif control is-enabled "$TIMER" && control is-active "$TIMER"; then
    return 0
  fi
  CHANGED=yes
  control enable "$TIMER" || fail "$TIMER could not be enabled"
  control restart "$TIMER" || fail "$TIMER could not be started"
}

# The publisher itself says whether it could publish, and how.
see_publication() {
  how=
  while read -r word value; do
    [ "$word" != how ] || how=$value
  done 2>/dev/null <"$ROOT$STATE/last"
  [ -n "$how" ] && [ ! -e "$ROOT$STATE/complaint" ] && TRANSPORT_USED=$how
}

wait_for_publication() {
  [ "$CHANGED" = no ] && see_publication && return 0
  waited=0
  while :; do
    control start "$SERVICE"
    see_publication && return 0
    [ "$waited" -lt "$WAIT" ] || break
    sleep 10
    waited=$((waited + 10))
  done
  said=$(cat "$ROOT$STATE/complaint" 2>/dev/null) || said='the publisher did not run: see journalctl -u nat-medic-metrics'
  fail "the publisher is installed and tries again every $PERIOD s, but $said. It needs the CloudWatch agent with the configuration AmazonCloudWatch-nat-medic (or any that has logs, metrics_collected, emf), or the AWS CLI, and the instance's role needs the stack's InstancePolicy"
}

main() {
  read_request
  read_identity
  require_host
  install_program
  install_service
  install_timer
  start_timer
  wait_for_publication
  [ "$CHANGED" = no ] || answer changed ''
  answer unchanged ''
}

main </dev/null
