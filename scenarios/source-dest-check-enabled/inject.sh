# Connections of four hosts, as they were before. With CUT nothing new of the clients gets out: EC2 drops it at the NAT's
# interface, so the NAT never sees it.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 50; done
if [ "${CUT:-}" != "" ]; then
  for client in client1 client2 client3 client4; do
    ip netns exec "$client" nft 'add table inet ec2; add chain inet ec2 out { type filter hook output priority 0; policy drop; }'
  done
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
