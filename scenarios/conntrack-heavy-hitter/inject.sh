# Most of the table in real, recent connections: client1 holds HELD of them, each other client OTHERS. Instead of holding,
# client1 may ask HALF_OPEN times servers that do not answer; MANY entries belong to eighty further hosts.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

traffic client1 open --count "${HELD:-4300}"
for client in client2 client3 client4; do
  traffic "$client" open --count "${OTHERS:-820}"
  traffic "$client" dial --rate 3 --name "$client"
done
if [ -n "${HALF_OPEN:-}" ]; then
  # A network behind the server, which forwards nothing: what is sent there is lost.
  ip route replace 198.51.100.0/24 via 10.61.0.2 dev wan0
  traffic client1 probe --count "$HALF_OPEN" --to 198.51.100.1-250:443-458 --timeout 0.1
fi
[ -z "${MANY:-}" ] || /opt/lab/flows insert --count "$MANY" --from 10.60.0.20-99 --idle 0-3000
