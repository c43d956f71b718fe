# Healthy traffic to most destinations, and unanswered SYNs to one: its own firewall drops them.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 100; done
ip netns exec server nft -f - <<'RULES'
table inet silent {
  chain input {
    type filter hook input priority 0
    ip daddr 10.61.0.9 tcp flags & (syn | ack) == syn drop
  }
}
RULES
for client in ${CLIENTS:-client1 client2 client3 client4}; do
  traffic "$client" dial --to 10.61.0.9-9:8080-8083 --rate "${RATE:-20}" --name "$client"
done
sleep "${WAIT:-10}"
