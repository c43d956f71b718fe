# shellcheck shell=sh
# shellcheck disable=SC2016,SC2034,SC2086,SC2154 # awk's own $1; variables of change.sh; lists of words.
# Writes settings of connection tracking to where a reboot reads them. Included by the fixes that make such last.

# In this order a restart in between finds the old values or the new: sysctls need the module to be loaded before
# them, and with hashsize alone it would make the limit eight times as large. Sets PERSISTED.
write_boot_settings() { # owner `<what of persistence.sh>:<setting>`...
  owner=$1
  shift
  PERSISTED=$*
  keys=
  sysctls=
  buckets=
  for pair in "$@"; do
    setting=${pair#*:}
    value=$(to_persist "${pair%:*}" "$setting")
    [ "$setting" != nf_conntrack_buckets ] || buckets=$value
    if [ "$owner" = fck-nat ] && fck_nat_key "$setting"; then
      keys="$keys $setting $value"
    else
      sysctls="$sysctls
net.netfilter.$setting = $value"
    fi
  done
  [ "$owner" != fck-nat ] || note 'a new instance of fck-nat writes its configuration from user data: set it there too'
  [ -z "$keys" ] || write_fck_nat_conf $keys || return 1
  write_modules_load || return 1
  [ -z "$sysctls" ] || write_file "/etc/sysctl.d/99-zz-nat-medic-$FIX.conf" "# Written by NAT Medic.$sysctls" || return 1
  [ -z "$buckets" ] || module_is_built_in || write_file /etc/modprobe.d/nat-medic.conf "# Written by NAT Medic.
options nf_conntrack hashsize=$buckets"
}

fck_nat_key() {
  case $1 in
    nf_conntrack_max | nf_conntrack_buckets | nf_conntrack_tcp_timeout_established) fck_nat_knows "$1" ;;
    *) return 1 ;;
  esac
}

# Makes the module, and so its sysctls, be there before systemd-sysctl runs.
write_modules_load() {
  module_is_built_in || write_file /etc/modules-load.d/nat-medic.conf "# Written by NAT Medic.
nf_conntrack"
}

# Sets keys in fck-nat's configuration, which is sourced by a shell; every other line stays.
write_fck_nat_conf() { # key value...
  write_file "$FCK_NAT_CONF" "$({ [ ! -e "$ROOT$FCK_NAT_CONF" ] || cat "$ROOT$FCK_NAT_CONF"; } | $AWK -v pairs="$*" '
    BEGIN { n = split(pairs, word, " "); for (i = 1; i < n; i += 2) value[word[i]] = word[i + 1] }
    {
      key = $0
      sub(/^[ \t]*(export[ \t]+)?/, "", key)
      sub(/=.*$/, "", key)
      if (index($0, "=") && (key in value)) {
        if (!(key in done)) print key "=" value[key]
        done[key] = 1
      } else print
    }
    END { for (i = 1; i < n; i += 2) if (!(word[i] in done)) print word[i] "=" value[word[i]] }')"
}
