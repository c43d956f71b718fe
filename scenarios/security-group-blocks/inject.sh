# Connections of four hosts. With CUT nothing new of the clients arrives at the NAT; with SILENT_PORT nothing that it
# sends on to these ports is answered.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 50; done
if [ "${CUT:-}" != "" ]; then
  for client in client1 client2 client3 client4; do
    ip netns exec "$client" nft 'add table inet ec2; add chain inet ec2 out { type filter hook output priority 0; policy drop; }'
  done
fi
if [ "${SILENT_PORT:-}" != "" ]; then
  ip netns exec server nft -f - << RULES
table inet ec2 {
  chain in {
    type filter hook input priority 0
    tcp dport $SILENT_PORT tcp flags & (syn | ack) == syn drop
  }
}
RULES
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 10 --name "$client"; done
[ "${SILENT_PORT:-}" = "" ] || sleep 12
