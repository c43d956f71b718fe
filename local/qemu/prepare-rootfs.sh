#!/bin/sh
# Finishes the guest's root file system after its packages were unpacked; run by mmdebstrap as its
# extract hook with the root directory as $1. The packages are unpacked and not configured (that is four times
# faster), so what their maintainer scripts would have done and the lab needs is done here.
set -eu
root=$1

ln -sf mawk "$root/usr/bin/awk"
for tool in iptables iptables-save iptables-restore; do
  # Debian's and Amazon Linux 2023's default is the nft backend.
  ln -sf xtables-nft-multi "$root/usr/sbin/$tool"
done
{
  echo 'root:x:0:0:root:/root:/bin/sh'
  # As which tcpdump runs once it listens.
  echo 'tcpdump:x:100:100::/nonexistent:/usr/sbin/nologin'
} > "$root/etc/passwd"
printf 'root:x:0:\ntcpdump:x:100:\n' > "$root/etc/group"
printf 'nat-instance\n' > "$root/etc/hostname"
printf '127.0.0.1 localhost nat-instance\n' > "$root/etc/hosts"
# Empty, as cloud images ship it, so that an identifier can be made at boot.
: > "$root/etc/machine-id"
# What every NAT instance persists itself.
printf 'net.ipv4.ip_forward = 1\n' > "$root/etc/sysctl.d/50-nat-instance.conf"
mkdir -p "$root/opt/lab"

rm -rf "$root/usr/share/doc" "$root/usr/share/man" "$root/usr/share/locale" "$root/usr/share/info" \
  "$root/lib/modules/"*/kernel/drivers/gpu "$root/lib/modules/"*/kernel/drivers/infiniband \
  "$root/lib/modules/"*/kernel/drivers/net/ethernet "$root/lib/modules/"*/kernel/drivers/scsi

# Runs a program of the guest's without chroot, which an unprivileged build has not.
guest_program() { # name, path, arguments...
  name=$1 program=$root$2
  shift 2
  "$root/lib64/ld-linux-x86-64.so.2" --argv0 "$name" \
    --library-path "$root/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu" "$program" "$@"
}
for modules in "$root"/lib/modules/*; do
  guest_program depmod /bin/kmod -b "$root" -a "${modules##*/}"
done
# Otherwise each start of python3 in the guest compiles what it imports.
for python in "$root"/usr/bin/python3.[0-9]*; do
  name=${python##*/}
  PYTHONHOME="$root/usr" guest_program python3 "/usr/bin/$name" -m compileall -q -s "$root" -p / \
    "$root/usr/lib/$name" > /dev/null
done
