# Fills the table with real connections until the kernel refuses the next, then gives most of them days of silence.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

traffic client1 open --count 4200
traffic client2 open --count 1350
traffic client3 open --count 1350
# The rest, and more than there is room for.
traffic client4 open --count "${LAST:-2000}"
/opt/lab/flows age --idle 172800-345600 --share 0.9

# Applications that keep trying.
for client in client2 client3 client4; do traffic "$client" dial --rate 7 --name "$client"; done
