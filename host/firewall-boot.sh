# shellcheck shell=sh
# shellcheck disable=SC2034,SC2086,SC2154 # variables of change.sh; lists of words.
# Rules that survive a reboot: a unit of our own puts them in place once the services that own the others have run.
# Part of change-firewall-rules.sh.

BOOTING=${NAT_MEDIC_BOOT:-}
RULES_UNIT=nat-medic-rules.service
OWNERS='fck-nat.service iptables.service nftables.service netfilter-persistent.service'
# What makes the others may run late (user data, rc.local): so look again, for two minutes.
LOOKS=12
SECONDS_BETWEEN=10

remember_persisted() { :; }

# Each is told as a reboot would have it: before, and now.
confirm_persisted() {
  for setting in $SETTINGS; do tell_value "$setting" 0 1; done
}

persist_settings() { # owner
  [ -n "$SETTINGS" ] || refuse 'there is nothing to keep: this incident has set nothing on this host'
  [ -d "$SYSTEMD" ] || refuse 'systemd is not process 1 here, and nothing else would put the rule in place at boot'
  { [ -f "$0" ] && grep -q '^persist_settings() {' "$0"; } || fail 'this script is not in one piece'
  write_file "/etc/nat-medic/rules-$FIX-$INCIDENT.sh" "#!/bin/sh
# Written by NAT Medic: puts the rules of $FIX in place after a boot ($INCIDENT).
NAT_MEDIC_BOOT=yes
SSM_Action=show SSM_IncidentId=$INCIDENT SSM_Fix=$FIX SSM_RestoreAfterSeconds=0 SSM_Force=no
SSM_Interface=$INTERFACE SSM_Source=$SOURCE SSM_Destination=$DESTINATION SSM_Port=$PORT
$(cat "$0")" || return 1
  write_file "/etc/systemd/system/$RULES_UNIT" "# Written by NAT Medic.
[Unit]
Description=NAT Medic: rules that survive a reboot
Wants=network-online.target
After=network-online.target $OWNERS
PartOf=$OWNERS

[Service]
Type=simple
RemainAfterExit=yes
ExecStart=/bin/sh -c 'for rules in /etc/nat-medic/rules-*.sh; do /bin/sh \"\$\$rules\" & done; wait'" || return 1
  write_wish multi-user.target || return 1
  if [ "$1" = fck-nat ]; then
    note 'a restart of fck-nat.service flushes the NAT table: ours is put in place again after it'
    note 'a new instance of fck-nat starts without it: set it in its user data too'
    write_wish fck-nat.service || return 1
  fi
  reload_units
  timeout "$PATIENCE" systemctl --no-block start "$RULES_UNIT" >/dev/null 2>&1 || true
}

write_wish() { # unit
  write_file "/etc/systemd/system/$1.d/nat-medic-rules.conf" "# Written by NAT Medic.
[Unit]
Wants=$RULES_UNIT"
}

reload_units() {
  # Folders that are empty now mean nothing.
  rmdir "$ROOT/etc/nat-medic" "$ROOT/etc/systemd/system/multi-user.target.d" \
    "$ROOT/etc/systemd/system/fck-nat.service.d" 2>/dev/null || true
  [ -d "$SYSTEMD" ] && have systemctl || return 0
  [ -e "$ROOT/etc/systemd/system/$RULES_UNIT" ] || timeout "$PATIENCE" systemctl stop "$RULES_UNIT" >/dev/null 2>&1
  timeout "$PATIENCE" systemctl daemon-reload >/dev/null 2>&1 || true
}

# What the unit runs.
put_in_force() {
  look=0
  while [ $look -lt $LOOKS ]; do
    # A process of its own each time, or the lock would be held while it sleeps.
    (put_in_place_once) || exit 0
    look=$((look + 1))
    sleep $SECONDS_BETWEEN
  done
  exit 0
}

put_in_place_once() {
  take_lock
  # Undone in the meantime.
  [ "$(status)" = persisted ] || exit 1
  for setting in $SETTINGS; do
    [ "$(running "$setting")" != 0 ] || write_setting "$setting" 1
  done
}
