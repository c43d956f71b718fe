# 85 % of the table in real, recent connections, nearly two thirds of them from client1.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

traffic client1 open --count 4300
for client in client2 client3 client4; do
  traffic "$client" open --count 820
  traffic "$client" dial --rate 3 --name "$client"
done
