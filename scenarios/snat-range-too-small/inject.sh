# The rule gets a range of ports, and real clients hold HELD connections to one service.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

iptables -t nat -R POSTROUTING 1 -s 10.60.0.0/16 -o wan0 -p tcp -j MASQUERADE --to-ports "${PORTS:-20000-20299}"
iptables -t nat -A POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE

held=${HELD:-300}
for client in client1 client2; do
  traffic "$client" open --count $((held / 2)) --to 10.61.0.2-2:8080-8080
done
for client in client1 client2 client3; do
  traffic "$client" dial --rate "${RATE:-4}" --to 10.61.0.2-2:8080-8080 --name "$client"
done
traffic client4 dial --rate 5 --to 10.61.0.3-10:8080-8083 --name client4
