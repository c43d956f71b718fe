# Two thirds of the table in real connections, evenly from every host, most of them silent for days.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2 client3 client4; do traffic "$client" open --count 1330; done
/opt/lab/flows age --idle 86400-345600 --share 0.75
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
