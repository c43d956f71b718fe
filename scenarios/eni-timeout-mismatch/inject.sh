# Connections that were idle for IDLE seconds, as the kernel knows them, and some that are not. The timeout of the
# network interface is EC2's; the room out there is what a stand-in for ethtool says, because the guest has no ENA card.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

/opt/lab/flows insert --count 1500 --from 10.60.0.20-99 --idle 0-200
/opt/lab/flows insert --count 1500 --from 10.60.0.100-179 --to 198.51.100.1-250:8443 --idle "${IDLE:-4000-20000}"
for client in client1 client2 client3 client4; do traffic "$client" dial --rate 5 --name "$client"; done
outer=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p')
mkdir -p /usr/local/sbin && ln -sf /opt/lab/fake-ethtool /usr/local/sbin/ethtool
echo 'conntrack_allowance_available 136812' > "/run/lab/ethtool-$outer"
