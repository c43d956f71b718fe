# Light, healthy traffic: what is missing is in CloudWatch.
set -eu
for client in client1 client2 client3 client4; do
  ip netns exec "$client" /opt/lab/traffic dial --rate 5 --name "$client"
done
