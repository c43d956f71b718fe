# An outer network of 4,096 addresses, and clients that talk to HOSTS of them at once: more than the 1,024 neighbours
# that the kernel remembers by default.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

ip address add 10.62.0.1/20 dev wan0
ip netns exec server ip route add local 10.62.0.0/20 dev lo
ip netns exec server ip route add 10.62.0.1 via 10.61.0.1 dev eth0
last=$((${HOSTS:-1400} / 8 + 1))
targets() { for network; do printf '%s' "${comma-}10.62.$network.2-$last:8080" && comma=,; done; }
traffic client1 dial --rate "${RATE:-160}" --to "$(targets 0 1 2 3)" --name client1
traffic client2 dial --rate "${RATE:-160}" --to "$(targets 4 5 6 7)" --name client2
sleep 5
