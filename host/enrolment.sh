# shellcheck shell=sh
# shellcheck disable=SC2034 # Read by the scripts that include this.
# What enrolling a host installs and removing takes away, and how both answer: one line of JSON, and an exit code by which
# State Manager shows that an association has failed.

ROOT=${NAT_MEDIC_ROOT:-}
PROGRAM=/usr/local/lib/nat-medic/publish-metrics
UNITS=/etc/systemd/system
SERVICE=nat-medic-metrics.service
TIMER=nat-medic-metrics.timer
STATE=/run/nat-medic/publisher
FILES=
CHANGED=no

have() { command -v "$1" >/dev/null 2>&1; }

control() { limited 60 systemctl "$@" >/dev/null 2>&1; }

limited() { # seconds command...
  if have timeout; then timeout -s KILL "$@"; else
    shift
    "$@"
  fi
}

# Letters, digits and a little punctuation, whatever the host says.
plain() { printf %s "$1" | tr -c 'A-Za-z0-9_.,:;/()=%+ -' ' ' | cut -c 1-400; }

tell_file() { # path written|removed
  FILES="$FILES${FILES:+,}{\"path\":\"$1\",\"action\":\"$2\"}"
  CHANGED=yes
}

answer() { # status reason
  printf '{"schema":"nat-medic/enrolment/1","action":"%s","status":"%s","reason":"%s","transport":"%s","files":[%s]}\n' \
    "$ACTION" "$1" "$(plain "$2")" "${TRANSPORT_USED:-none}" "$FILES"
  [ "$1" != failed ] || { plain "$2" >&2 && exit 1; }
  exit 0
}
fail() { answer failed "$1"; }
