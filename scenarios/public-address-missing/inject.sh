# Connections of four hosts. With CUT no new one is answered: the internet gateway drops what has no public address.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 50; done
if [ "${CUT:-}" != "" ]; then
  ip netns exec server nft 'add table inet igw; add chain inet igw in { type filter hook input priority 0; policy drop; }'
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
sleep 5
