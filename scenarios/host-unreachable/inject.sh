# Light, healthy traffic: what is wrong is what AWS says of the instance, and that no agent answers.
set -eu
for client in client1 client2 client3 client4; do
  ip netns exec "$client" /opt/lab/traffic dial --rate 5 --name "$client"
done
