# The clients reach the servers by a way of their own, and the answers come back through the NAT instance, which does not
# know them. As usual it drops what belongs to no connection (DROP=no: it lets it pass).
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

case ${KIND:-asymmetric} in
  asymmetric)
    [ "${DROP:-yes}" = no ] || iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
    for n in 1 2; do
      ip link add eth1 netns "client$n" type veth peer name "direct$n" netns server
      ip -n "client$n" address add "10.63.$n.2/30" dev eth1
      ip -n "client$n" link set eth1 up
      ip -n "client$n" route add 10.61.0.0/24 via "10.63.$n.1" src "10.60.0.1$n"
      ip -n server address add "10.63.$n.1/30" dev "direct$n"
      ip -n server link set "direct$n" up
      ip -n server route add "10.60.0.1$n" via 10.61.0.1
      traffic "client$n" dial --rate 30 --name "client$n"
    done
    ;;
  # Connections that end carelessly, and a table that forgets each second: what every NAT sees of late segments.
  late-segments)
    for client in client1 client2; do traffic "$client" dial --rate 40 --name "$client"; done
    ip netns exec server /opt/lab/traffic files
    traffic client3 transfer --rate 20 --way get --bytes 400000 --leave 50000 --name client3
    (while :; do sleep 1 && conntrack -D -p tcp --dport 8090; done) > /dev/null 2>&1 &
    echo loop > "/run/lab/traffic/pid-$!"
    ;;
esac
traffic client3 dial --rate 10 --name others
sleep 2
