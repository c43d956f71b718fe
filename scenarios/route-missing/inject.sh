# Connections of four hosts, unless BEFORE=no. With CUT nothing new of the clients arrives at the NAT; with SILENT
# nothing that it sends on is answered.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

if [ "${BEFORE:-}" != no ]; then
  for client in client1 client2 client3 client4; do traffic "$client" open --count 50; done
fi
if [ "${CUT:-}" != "" ]; then
  for client in client1 client2 client3 client4; do
    ip netns exec "$client" nft 'add table inet ec2; add chain inet ec2 out { type filter hook output priority 0; policy drop; }'
  done
fi
if [ "${SILENT:-}" != "" ]; then
  ip netns exec server nft 'add table inet igw; add chain inet igw in { type filter hook input priority 0; policy drop; }'
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
[ "${SILENT:-}" = "" ] || sleep 5
