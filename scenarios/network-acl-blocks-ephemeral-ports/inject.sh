# Four hosts that connect to nine servers. Answers to the ports in DENIED are lost where the ACL would drop them: before
# they reach the NAT, or with AT=clients after they left it. The guest has no ACL; what it says is in scenario.yaml.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

# The default of Linux; the lab's clients otherwise have more.
for client in client1 client2 client3 client4; do
  ip netns exec "$client" sysctl -q -w net.ipv4.ip_local_port_range='32768 60999'
done
# Before the ACL: connections that stay open through it.
for client in client1 client2 client3 client4; do traffic "$client" open --count 50; done

drop_answers() {
  ip netns exec "$1" nft -f - << RULES
table inet acl {
  chain answers {
    type filter hook $2 priority 0
    tcp sport 8080-8083 tcp dport $DENIED drop
  }
}
RULES
}
if [ "${DENIED:-}" != "" ] && [ "${AT:-nat}" = nat ]; then drop_answers server output; fi
if [ "${DENIED:-}" != "" ] && [ "${AT:-nat}" = clients ]; then
  for client in client1 client2 client3 client4; do drop_answers "$client" input; done
fi
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
sleep 5
