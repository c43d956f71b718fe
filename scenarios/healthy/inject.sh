# Half of the table: real connections of four hosts and recent entries of eighty more, and steady new ones.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 150; done
/opt/lab/flows insert --count 3400 --from 10.60.0.20-99 --idle 0-3000
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
