# Each client asks HALF_OPEN times servers that do not answer, goes on asking, and holds HELD connections to ones that do.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

# A network behind the server, which forwards nothing: what is sent there is lost.
ip route replace 198.51.100.0/24 via 10.61.0.2 dev wan0
for client in client1 client2 client3 client4; do
  [ "${HELD:-100}" = 0 ] || traffic "$client" open --count "${HELD:-100}"
done
for client in client1 client2 client3 client4; do
  [ "${HALF_OPEN:-2100}" != 0 ] || break
  traffic "$client" probe --count "${HALF_OPEN:-2100}" --to 198.51.100.1-250:443-458 --timeout 0.1
  # Entries without an answer last for two minutes: as many as fit must keep coming.
  traffic "$client" dial --rate 20 --to 198.51.100.1-250:443-458 --name "$client-in-vain"
done
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
