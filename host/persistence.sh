# shellcheck shell=sh
# shellcheck disable=SC2016,SC2086 # awk's own $1 in single quotes; $AWK may be two words.
# What a reboot would bring back: reads the configuration files of sysctl, modprobe, modules-load and fck-nat.
# Included by the collector and by the fixes; expects ROOT (a path prefix, normally empty) and AWK. Changes nothing.

FCK_NAT_CONF=/etc/fck-nat.conf
FCK_NAT_SCRIPT=/opt/fck-nat/fck-nat.sh
ALTERNAT_CONF=/etc/alternat.conf

# Who owns the host's network settings.
network_owner() {
  if [ -e "$ROOT$FCK_NAT_CONF" ] || [ -e "$ROOT/etc/systemd/system/fck-nat.service" ] ||
    [ -e "$ROOT/usr/lib/systemd/system/fck-nat.service" ] || [ -e "$ROOT$FCK_NAT_SCRIPT" ]; then
    echo fck-nat
  elif [ -e "$ROOT$ALTERNAT_CONF" ]; then
    echo alternat
  else
    echo none
  fi
}

# fck-nat sources its configuration after boot, and each release knows more keys: one that its script does not
# mention would be ignored.
fck_nat_knows() { # key
  [ ! -r "$ROOT$FCK_NAT_SCRIPT" ] || grep -q "$1" "$ROOT$FCK_NAT_SCRIPT"
}

# The files of one configuration directory in the order that systemd and kmod read them: by file name, where a
# name in an earlier directory hides the same name in a later one.
configuration_files() { # sysctl.d | modprobe.d | modules-load.d
  for directory in /etc /run /usr/local/lib /usr/lib /lib; do
    for file in "$ROOT$directory/$1"/*.conf; do
      [ -e "$file" ] && printf '%s\t%s\n' "${file##*/}" "$file"
    done
  done | $AWK -F '\t' '!hidden[$1]++' | sort | cut -f 2
}

# One stream for one parser: each file is announced by a line of its own.
announce() { # kind file
  printf '\001 %s %s\n' "$1" "${2#"$ROOT"}"
  if [ -r "$2" ]; then cat "$2" 2>/dev/null; else printf '\001 unreadable %s\n' "${2#"$ROOT"}"; fi
  echo
}
configuration_stream() {
  for kind in sysctl modprobe modules-load; do
    configuration_files "$kind.d" | while IFS= read -r file; do announce "$kind" "$file"; done
  done
  # procps' `sysctl --system` reads this one last, whatever its name would say.
  [ -e "$ROOT/etc/sysctl.conf" ] && announce sysctl "$ROOT/etc/sysctl.conf"
  [ -e "$ROOT/etc/modules" ] && announce modules-load "$ROOT/etc/modules"
  announce cmdline "$ROOT/proc/cmdline"
  if [ -e "$ROOT$FCK_NAT_CONF" ]; then
    for key in nf_conntrack_max nf_conntrack_buckets nf_conntrack_tcp_timeout_established; do
      fck_nat_knows "$key" && printf '\001 knows %s\n' "$key"
    done
    announce fck-nat "$ROOT$FCK_NAT_CONF"
  fi
}

# Prints `<what> <value> <file>` for max, buckets, established, time_wait and hashsize where something sets them,
# `module 1 <file>` when the module is loaded at boot, `unreadable - <file>` for a file that may not be read.
persisted_settings() {
  configuration_stream | $AWK '
    function set(what, value) {
      gsub(/["\047]/, "", value)
      if (value !~ /^[0-9]+$/ || length(value) > 15) return
      values[what] = value
      files[what] = file
    }
    function from_sysctl(key, value) {
      if (key == "net.netfilter.nf_conntrack_max" || key == "net.nf_conntrack_max") set("max", value)
      else if (key == "net.netfilter.nf_conntrack_buckets") set("buckets", value)
      else if (key == "net.netfilter.nf_conntrack_tcp_timeout_established") set("established", value)
      else if (key == "net.netfilter.nf_conntrack_tcp_timeout_time_wait") set("time_wait", value)
    }
    $1 == "\001" {
      if ($2 == "unreadable") print "unreadable -", $3
      else if ($2 == "knows") knows[$3] = 1
      else { kind = $2; file = substr($0, index($0, $2) + length($2) + 1) }
      next
    }
    kind == "sysctl" {
      at = index($0, "=")
      if (at == 0) next
      key = substr($0, 1, at - 1)
      value = substr($0, at + 1)
      gsub(/^[ \t]*-?[ \t]*|[ \t]+$/, "", key)
      gsub(/^[ \t]+|[ \t\r]+$/, "", value)
      gsub(/\//, ".", key)
      from_sysctl(key, value)
    }
    kind == "modprobe" && $1 == "options" && $2 ~ /^nf[-_]conntrack$/ {
      for (i = 3; i <= NF; i++) if (sub(/^hashsize=/, "", $i)) set("hashsize", $i)
    }
    kind == "cmdline" {
      for (i = 1; i <= NF; i++) if (sub(/^nf[-_]conntrack\.hashsize=/, "", $i)) set("hashsize", $i)
    }
    kind == "modules-load" {
      module = $1
      gsub(/-/, "_", module)
      # Each of these pulls nf_conntrack in.
      if (module ~ /^(nf_conntrack|nf_conntrack_.*|nf_nat|nf_nat_.*|iptable_nat|ip6table_nat|xt_MASQUERADE|xt_nat|xt_conntrack|nft_ct|nft_nat|nft_masq)$/)
        set("module", 1)
    }
    kind == "fck-nat" {
      sub(/^[ \t]*(export[ \t]+)?/, "")
      at = index($0, "=")
      key = substr($0, 1, at - 1)
      value = substr($0, at + 1)
      sub(/[ \t]*(#.*)?\r?$/, "", value)
      if (key in knows) from_sysctl("net.netfilter." key, value)
    }
    END { for (what in values) print what, values[what], files[what] }
  ' | sort
}

# Built into the kernel: it then is there at boot, and modprobe.d does not reach it.
module_is_built_in() {
  [ -d "$ROOT/sys/module/nf_conntrack" ] && [ ! -e "$ROOT/sys/module/nf_conntrack/initstate" ]
}
