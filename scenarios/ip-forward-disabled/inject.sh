# A hardening guide's file switches forwarding off, for the whole host or (WHERE=interface) where the answers arrive.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

for client in client1 client2; do traffic "$client" dial --rate 20 --name "$client"; done
sleep 1
case ${WHERE:-host} in
  host)
    echo 'net.ipv4.ip_forward = 0' > /etc/sysctl.d/90-hardening.conf
    sysctl -q -p /etc/sysctl.d/90-hardening.conf
    ;;
  interface) sysctl -q -w net.ipv4.conf.wan0.forwarding=0 ;;
  # Off for all and on for each, as systemd-networkd does it by IPForward= and IPMasquerade=: this host forwards.
  one-by-one) sysctl -q -w net.ipv4.ip_forward=0 net.ipv4.conf.lan0.forwarding=1 net.ipv4.conf.wan0.forwarding=1 ;;
esac
