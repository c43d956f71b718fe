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

# Prints `<what> <value> <file>` for max, buckets, established, time_wait, ip_forward and hashsize where something sets them,
# and the sysctls named in ALSO_PERSISTED by their own names,
# `module 1 <file>` when the module is loaded at boot, `unreadable - <file>` for a file that may not be read.
persisted_settings() {
  set --
  # In the order of precedence: a name in an earlier directory hides the same name in a later one.
  for directory in /etc /run /usr/local/lib /usr/lib /lib; do
    for file in "$ROOT$directory/sysctl.d"/*.conf "$ROOT$directory/modprobe.d"/*.conf \
      "$ROOT$directory/modules-load.d"/*.conf; do
      [ -e "$file" ] && set -- "$@" "$file"
    done
  done
  for file in "$ROOT/etc/sysctl.conf" "$ROOT/etc/modules" "$ROOT/proc/cmdline" "$ROOT$FCK_NAT_CONF"; do
    [ -e "$file" ] && set -- "$@" "$file"
  done
  known=
  if [ -e "$ROOT$FCK_NAT_CONF" ]; then
    for key in nf_conntrack_max nf_conntrack_buckets nf_conntrack_tcp_timeout_established; do
      fck_nat_knows "$key" && known="$known $key"
    done
  fi
  $AWK -v root="$ROOT" -v known="$known" -v also="${ALSO_PERSISTED:-}" '
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
      else if (key == "net.ipv4.ip_forward" || key == "net.ipv4.conf.all.forwarding") set("ip_forward", value)
      else if (index(" " also " ", " " key " ")) set(key, value)
    }
    function read_sysctl(line, at, key, value) {
      at = index(line, "=")
      if (at == 0) return
      key = substr(line, 1, at - 1)
      value = substr(line, at + 1)
      gsub(/^[ \t]*-?[ \t]*|[ \t]+$/, "", key)
      gsub(/^[ \t]+|[ \t\r]+$/, "", value)
      gsub(/\//, ".", key)
      from_sysctl(key, value)
    }
    function read_module_options(line, word, n, i) {
      n = split(line, word, /[ \t]+/)
      for (i = 1; i <= n; i++) if (sub(/^(nf[-_]conntrack\.)?hashsize=/, "", word[i])) set("hashsize", word[i])
    }
    function read_modules(line) {
      gsub(/[ \t\r]/, "", line)
      gsub(/-/, "_", line)
      # Each of these pulls nf_conntrack in.
      if (line ~ /^(nf_conntrack|nf_conntrack_.*|nf_nat|nf_nat_.*|iptable_nat|ip6table_nat|xt_MASQUERADE|xt_nat|xt_conntrack|nft_ct|nft_nat|nft_masq)$/)
        set("module", 1)
    }
    function read_fck_nat(line, at, value) {
      sub(/^[ \t]*(export[ \t]+)?/, "", line)
      at = index(line, "=")
      value = substr(line, at + 1)
      sub(/[ \t]*(#.*)?\r?$/, "", value)
      if (at && index(known " ", " " substr(line, 1, at - 1) " ")) from_sysctl("net.netfilter." substr(line, 1, at - 1), value)
    }
    function read_file(path, kind, line, answer) {
      file = substr(path, length(root) + 1)
      while ((answer = (getline line < path)) > 0) {
        if (line ~ /^[ \t]*[#;]/) continue
        if (kind == "sysctl") read_sysctl(line)
        else if (kind == "modprobe") { if (line ~ /^[ \t]*options[ \t]+nf[-_]conntrack[ \t]/) read_module_options(line) }
        else if (kind == "cmdline") { if (line ~ /nf[-_]conntrack\.hashsize=/) read_command_line(line) }
        else if (kind == "modules") read_modules(line)
        else read_fck_nat(line)
      }
      if (answer < 0) print "unreadable -", file
      close(path)
    }
    function read_command_line(line, word, n, i) {
      n = split(line, word, /[ \t]+/)
      for (i = 1; i <= n; i++) if (word[i] ~ /^nf[-_]conntrack\.hashsize=/) read_module_options(word[i])
    }
    # Reads a directory like systemd and kmod do: by file name, the first of each name only.
    function read_directory(name, kind, i, n, at, part, parts, base, bases, paths, hidden) {
      n = 0
      for (i = 1; i < ARGC; i++) {
        parts = split(ARGV[i], part, "/")
        base = part[parts]
        if (part[parts - 1] != name || (base in hidden)) continue
        hidden[base] = 1
        for (at = ++n; at > 1 && bases[at - 1] > base; at--) { bases[at] = bases[at - 1]; paths[at] = paths[at - 1] }
        bases[at] = base
        paths[at] = ARGV[i]
      }
      for (i = 1; i <= n; i++) read_file(paths[i], kind)
    }
    function read_if_there(path, kind, i) {
      for (i = 1; i < ARGC; i++) if (ARGV[i] == root path) read_file(ARGV[i], kind)
    }
    BEGIN {
      # The later word wins.
      read_directory("sysctl.d", "sysctl")
      # procps reads this one last, whatever its name would say.
      read_if_there("/etc/sysctl.conf", "sysctl")
      read_directory("modprobe.d", "modprobe")
      read_if_there("/proc/cmdline", "cmdline")
      read_directory("modules-load.d", "modules")
      read_if_there("/etc/modules", "modules")
      # Sourced by its service, after all of these.
      read_if_there("/etc/fck-nat.conf", "fck-nat")
      n = split("max buckets established time_wait ip_forward hashsize module " also, order, " ")
      for (i = 1; i <= n; i++) if (order[i] in values) print order[i], values[order[i]], files[order[i]]
    }' "$@"
}

# Built into the kernel: it then is there at boot, and modprobe.d does not reach it.
module_is_built_in() {
  [ -d "$ROOT/sys/module/nf_conntrack" ] && [ ! -e "$ROOT/sys/module/nf_conntrack/initstate" ]
}
