# No kernel since 4.12 has this setting, and the lab's are newer. So the setting is emulated: /proc/sys/net/ipv4 is covered
# by a directory that leads to the real one and has `tcp_tw_recycle` besides. What reads and writes it is real; the kernel
# does nothing by it.
set -eu
traffic() { client=$1 && shift && ip netns exec "$client" /opt/lab/traffic "$@"; }

mkdir -p /run/lab/proc
mountpoint -q /run/lab/proc || mount -t proc proc /run/lab/proc
mount -t tmpfs tmpfs /proc/sys/net/ipv4
ln -s /run/lab/proc/sys/net/ipv4/* /proc/sys/net/ipv4/
# sysctl follows no link out of /proc/sys.
rm /proc/sys/net/ipv4/tcp_tw_reuse
touch /proc/sys/net/ipv4/tcp_tw_reuse
mount --bind /run/lab/proc/sys/net/ipv4/tcp_tw_reuse /proc/sys/net/ipv4/tcp_tw_reuse
echo "${RECYCLE:-1}" > /proc/sys/net/ipv4/tcp_tw_recycle
[ "${RECYCLE:-1}" = 0 ] || echo 'net.ipv4.tcp_tw_recycle = 1' > /etc/sysctl.d/90-tuning.conf
for client in client1 client2; do traffic "$client" dial --rate 20 --name "$client"; done
sleep 1
