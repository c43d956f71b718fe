# An outer network of 4,096 addresses, and clients that talk to HOSTS of them at once: more than the 1,024 neighbours
# that the kernel remembers by default.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

ip address add 10.62.0.1/20 dev wan0
ip netns exec server ip route add local 10.62.0.0/20 dev lo
ip netns exec server ip route add 10.62.0.1 via 10.61.0.1 dev eth0
last=$((${HOSTS:-1400} / 7))
for client in client1 client2; do
  for network in 0 1 2 3 4 5 6; do
    traffic "$client" dial --rate "${RATE:-20}" --to "10.62.$network.2-$((last + 1)):8080" --name "$client-$network"
  done
done
sleep 6
