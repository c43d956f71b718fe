#!/bin/sh
# probe-timestamps - does one destination answer connections without TCP timestamps that it drops with them?
#
# USAGE
#   SSM_Address    the destination, IPv4
#   SSM_Port       its TCP port
#   As root, on the NAT instance. Runs only when a person asks for it: it sends traffic.
#
# READS
#   /proc/net/nf_conntrack's count and limit, the routing table, the answers of the destination.
#
# CHANGES
#   For at most a minute: a network namespace `nat-medic-probe`, a pair of virtual interfaces into it, and one rule that
#   masquerades the namespace's own addresses where no rule of the host does. `tcp_timestamps` is set inside the namespace
#   alone. A watcher in a session of its own removes all of it when this script ends, however it ends, and is started
#   before anything else. Nothing is left but the connections' entries in the
#   table, which expire, and /run/nat-medic.lock, which every change shares. (Killed in the instant
#   before the watcher starts, it may leave that one's script in /run, which has nothing to remove then.)
#
# OVERHEAD
#   40 connections in turns, 20 with timestamps and 20 without, each given one second. Under 5 s when they succeed,
#   25 to 45 s when many do not.
#
# EXAMPLE
#   {"schema":"nat-medic/timestamp-probe/1","status":"done","reason":"","address":"203.0.113.7","port":443,
#   "withTimestamps":{"attempted":20,"succeeded":9},"withoutTimestamps":{"attempted":20,"succeeded":20},"seconds":16}
#
# shellcheck disable=SC2016,SC2086 # Texts for another shell; lists of words to split.
set -u
LC_ALL=C
export LC_ALL
umask 077
case ":$PATH:" in *:/usr/bin:*) PATH=$PATH:/usr/sbin:/sbin ;; esac

NAMESPACE=nat-medic-probe
OUTER=nmprobe0
INNER=nmprobe1
TABLE=nat_medic_probe
COMMENT='nat-medic probe'
CLEANER=/run/nat-medic-probe.sh
# Holds who was asked to masquerade.
RULE=/run/nat-medic-probe.rule
UNIT=nat-medic-probe
PAIRS=20
# The watcher's own end, should it never see this script end.
MOST_SECONDS=75
# No new pair of connections after this.
DEADLINE=50

ADDRESS=${SSM_Address:-}
PORT=${SSM_Port:-}
WITH='0 0'
WITHOUT='0 0'
BEGAN=$(date +%s)

have() { command -v "$1" >/dev/null 2>&1; }

answer() { # status reason
  case $ADDRESS in '' | *[!0-9.]*) ADDRESS=0.0.0.0 ;; esac
  case $PORT in '' | *[!0-9]* | ??????*) PORT=0 ;; esac
  [ "$PORT" -le 65535 ] || PORT=0
  printf '{"schema":"nat-medic/timestamp-probe/1","status":"%s","reason":"%s","address":"%s","port":%s,' \
    "$1" "$2" "$ADDRESS" "$PORT"
  printf '"withTimestamps":{"attempted":%s,"succeeded":%s},' ${WITH}
  printf '"withoutTimestamps":{"attempted":%s,"succeeded":%s},' ${WITHOUT}
  printf '"seconds":%s}\n' $(($(date +%s) - BEGAN))
  exit 0
}
refuse() { answer refused "$1"; }

is_address() { # what a person would recognise as one host out there
  echo "$1" | grep -Eq '^([0-9]{1,3}\.){3}[0-9]{1,3}$' || return 1
  for part in $(echo "$1" | tr . ' '); do
    [ "$part" -le 255 ] || return 1
    case $part in 0?*) return 1 ;; esac
  done
  case $1 in 0.* | 127.* | 169.254.* | 22[4-9].* | 23?.* | 24?.* | 25?.*) return 1 ;; esac
}

# Whether a NAT host's own table has room: a full one drops SYNs with and without timestamps alike.
table_has_room() {
  count=$(cat /proc/sys/net/netfilter/nf_conntrack_count 2>/dev/null || echo 0)
  limit=$(cat /proc/sys/net/netfilter/nf_conntrack_max 2>/dev/null || echo 0)
  [ "$limit" -eq 0 ] || [ $((count / 19)) -lt $((limit / 20)) ]
}

# A /27 of link-local addresses that this host has no route to. EC2's own services are at 169.254.169 and around it.
choose_network() {
  for third in 211 197 223 181 239 149; do
    [ -z "$(ip -4 route show root "169.254.$third.0/27" table all 2>/dev/null)" ] || continue
    # The whole of 169.254.0.0/16 may be on some link; only what is narrower would be in the way.
    NETWORK=169.254.$third
    return 0
  done
  return 1
}

# Removes everything, whoever made it and however far it came. Repeating it does nothing.
# The text of a script of its own, because the watcher outlives this one.
cleaner() {
  cat <<END
#!/bin/sh
# Removes what NAT Medic's test of TCP timestamps has set up. Safe to run at any time.
MADE_BY=$$
PATH=\$PATH:/usr/sbin:/sbin
if [ "\${1:-}" = watch ]; then
  until [ \$(date +%s) -ge "\$3" ] || ! kill -0 "\$2" 2>/dev/null; do sleep 1; done
  # Removed already, or the next test has begun and has a watcher of its own.
  grep -qs "^MADE_BY=\$2\$" $CLEANER || exit 0
fi
ip link del $OUTER 2>/dev/null
for process in \$(ip netns pids $NAMESPACE 2>/dev/null); do kill -KILL "\$process" 2>/dev/null; done
[ ! -e /run/netns/$NAMESPACE ] || ip netns del $NAMESPACE
if [ -e $RULE ]; then
  iptables=\$(cat $RULE)
  if [ "\$iptables" = nft ]; then
    nft delete table ip $TABLE 2>/dev/null
  else
    \$iptables -w 5 -t nat -S POSTROUTING | sed -n 's/^-A \(.*$COMMENT.*\)/\1/p' | while read -r rule; do
      eval "\$iptables -w 5 -t nat -D \$rule"
    done
  fi
fi
rm -f $CLEANER $RULE
exit 0
END
}

# Armed before anything is set up. The agent kills the whole process group at its timeout, so it needs one of its own;
# below systemd also a control group of its own.
start_watcher() {
  cleaner >"$CLEANER" || return 1
  until=$((BEGAN + MOST_SECONDS))
  if [ -d /run/systemd/system ] && have systemd-run &&
    timeout 10 systemd-run --unit="$UNIT-$$" /bin/sh "$CLEANER" watch $$ "$until" </dev/null >/dev/null 2>&1; then
    return 0
  fi
  have setsid || return 1
  # Its last descriptor is the lock: closed, or the next test would be refused until the watcher ends.
  setsid sh "$CLEANER" watch $$ "$until" </dev/null >/dev/null 2>&1 9>&- &
}

clean_up() {
  trap - EXIT
  [ ! -e "$CLEANER" ] || sh "$CLEANER" 2>/dev/null
}

set_up() {
  ip netns add "$NAMESPACE" &&
    ip link add "$OUTER" type veth peer name "$INNER" netns "$NAMESPACE" &&
    ip address add "$NETWORK.1/27" dev "$OUTER" &&
    ip link set "$OUTER" up || return 1
  # The host's own default may be to check the way back; the answers come by the outside interface.
  batch="link set lo up
link set $INNER up
$(host=2 && while [ $host -lt $((PAIRS + 2)) ]; do echo "address add $NETWORK.$host/27 dev $INNER" && host=$((host + 1)); done)
route add default via $NETWORK.1"
  echo "$batch" | ip -n "$NAMESPACE" -batch - || return 1
  masquerade
}

# After every rule of the host, so that it decides only where none of them does; for these addresses alone. By the
# same backend as the host's own where that is iptables-legacy: before Linux 4.18 the two cannot both translate.
masquerade() {
  if grep -qs '^nat$' /proc/net/ip_tables_names; then
    holder=iptables
    ! have iptables-legacy || holder=iptables-legacy
  elif have nft; then
    holder=nft
  else
    holder=iptables
  fi
  have $holder && echo $holder >"$RULE" || return 1
  if [ $holder != nft ]; then
    $holder -w 5 -t nat -A POSTROUTING -s "$NETWORK.0/27" -m comment --comment "$COMMENT" -j MASQUERADE
    return
  fi
  nft -f - <<END
table ip $TABLE {
  chain postrouting {
    type nat hook postrouting priority 101; policy accept;
    ip saddr $NETWORK.0/27 masquerade
  }
}
END
}

# Without python3: the same as connect-in-turns.py, which says why it is as it is. Starting a shell is part of the second
# here, so on a host without time to spare both kinds fail a little more often.
by_shell='
[ "$(readlink /proc/self/ns/net)" != "$HOST_NAMESPACE" ] || exit 1
cd /proc/sys/net/ipv4 || exit 1
attempt() {
  case $TOOL in
    bash) timeout 1 bash -c "exec 3<>/dev/tcp/$ADDRESS/$PORT" ;;
    nc) timeout 1 nc -n -z -w 1 "$ADDRESS" "$PORT" ;;
  esac </dev/null >/dev/null 2>&1
}
try_with() { echo 1 >tcp_timestamps && attempt && with=$((with + 1)); }
try_without() { echo 0 >tcp_timestamps && attempt && without=$((without + 1)); }
turn=0 with=0 without=0
while [ "$turn" -lt "$PAIRS" ] && [ "$(date +%s)" -lt "$UNTIL" ]; do
  ip route replace default via "$NETWORK.1" src "$NETWORK.$((turn + 2))" || exit 1
  if [ $((turn % 2)) = 0 ]; then
    try_with
    try_without
  else
    try_without
    try_with
  fi
  turn=$((turn + 1))
done
echo "with $turn $with without $turn $without"
'

# Prints `with <n> <succeeded> without <n> <succeeded>`.
in_turns() {
  inside="timeout -s KILL $((MOST_SECONDS - 10)) ip netns exec $NAMESPACE"
  case $TOOL in python3) by_python ;; *) $inside sh -c "$by_shell" ;; esac
}
by_python() {
  $inside python3 - "$ADDRESS" "$PORT" "$NETWORK" "$PAIRS" "$UNTIL" "$HOST_NAMESPACE" <"$(dirname "$0")/connect-in-turns.py"
}

main() {
  is_address "$ADDRESS" || refuse 'the address must be a unicast IPv4 address of another host'
  case $PORT in '' | 0* | *[!0-9]* | ??????*) refuse 'the port must be 1 to 65535' ;; esac
  [ "$PORT" -le 65535 ] || refuse 'the port must be 1 to 65535'
  [ "$(id -u)" = 0 ] || refuse 'only root may set up the namespace that it runs in'
  for tool in ip timeout flock readlink; do have $tool || refuse "$tool is missing"; done
  for TOOL in python3 bash nc none; do ! have $TOOL || break; done
  [ $TOOL != none ] || refuse 'there is no python3, bash or nc to connect with'
  [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ] || refuse 'this host forwards nothing: ip_forward is 0'
  table_has_room || refuse 'the connection table is nearly full: connections would fail for that reason'
  ! ip -4 route get "$ADDRESS" 2>/dev/null | grep -q '^local ' || refuse 'the address is one of this host'
  # The lock of the changes: neither may run into the other.
  (true >>/run/nat-medic.lock) 2>/dev/null || refuse 'cannot open /run/nat-medic.lock'
  exec 9>>/run/nat-medic.lock
  flock -w 10 9 || refuse 'a change of this host is under way'
  # What a test left that was killed together with its watcher.
  cleaner | sh 2>/dev/null
  choose_network || refuse 'no free link-local network'
  start_watcher || refuse 'its removal could not be armed, so it was not begun'
  trap clean_up EXIT
  trap 'exit 1' HUP INT TERM
  set_up 9>&- 2>/dev/null || refuse 'the namespace could not be set up'
  HOST_NAMESPACE=$(readlink /proc/self/ns/net)
  UNTIL=$((BEGAN + DEADLINE))
  export ADDRESS PORT PAIRS TOOL NETWORK HOST_NAMESPACE UNTIL
  result=$(in_turns 2>/dev/null 9>&-)
  clean_up
  case $result in with\ *) ;; *) refuse 'the test ended early' ;; esac
  set -- $result
  WITH="$2 $3"
  WITHOUT="$5 $6"
  answer 'done' ''
}

# In a function, read to its end before anything runs: a script that was cut short does nothing.
main </dev/null
