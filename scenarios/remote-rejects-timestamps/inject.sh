# Three clients use one service that answers some of their connections and not others: it drops one in EVERY of the SYNs
# that its filter selects, by default those with a TCP timestamp (option 8). Its other port, and the other
# destinations, are as they should be.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }
service=10.61.0.10

for client in client1 client2 client3; do
  traffic "$client" open --count 60 --to 10.61.0.10-10:8080-8080
  traffic "$client" open --count 60 --to 10.61.0.2-9:8080-8083
done
# shellcheck disable=SC2086 # ONLY may be several words, or none.
ip netns exec server iptables -A INPUT -d $service -p tcp --dport 8080 --syn ${ONLY---tcp-option 8} \
  -m statistic --mode nth --every "${EVERY:-2}" --packet 0 -j DROP
for client in ${TRYING:-client1 client2 client3}; do
  traffic "$client" probe --count 150 --to 10.61.0.10-10:8080-8080
  traffic "$client" dial --rate 5 --to 10.61.0.10-10:8080-8080 --name "$client"
done
traffic client4 dial --rate 5 --to 10.61.0.2-9:8080-8083 --name client4
