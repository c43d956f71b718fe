# Servers whose answers of 4,000 bytes arrive in three fragments. Of the share LOSE of them the last one is lost on the way;
# with MEMORY (bytes) the host has little room for what waits: 262144 was the advice against FragmentSmack in 2018.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

if [ -n "${MEMORY:-}" ]; then
  {
    echo "net.ipv4.ipfrag_low_thresh = $((MEMORY * 3 / 4))"
    echo "net.ipv4.ipfrag_high_thresh = $MEMORY"
  } > /etc/sysctl.d/90-fragmentsmack.conf
  sysctl -q -p /etc/sysctl.d/90-fragmentsmack.conf
fi
# A lost fragment is counted when the others have waited for so long; by default that is half a minute.
sysctl -q -w "net.ipv4.ipfrag_time=${WAIT:-3}"
ip netns exec server /opt/lab/traffic fragments --lose "${LOSE:-0.3}"
for client in client1 client2; do
  traffic "$client" ask --rate 20 --name "$client-ask"
  traffic "$client" dial --rate 10 --name "$client"
done
# Until the memory is full, or until the first ones have waited in vain.
if [ -n "${MEMORY:-}" ]; then sleep 10; else sleep $((${WAIT:-3} + 2)); fi
