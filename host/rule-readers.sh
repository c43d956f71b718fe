# shellcheck shell=sh
# shellcheck disable=SC2034 # The commands it finds are for the script that includes this.
# Who can list the rules of the packet filters. Expects ROOT, have and limited. Changes nothing: asking a packet filter
# that no one uses would make the kernel load it, so only those are asked that are loaded.

is_loaded() { # module
  [ -d "$ROOT/sys/module/$1" ] || grep -q "/$1\.ko" "$ROOT/lib/modules/$(uname -r)/modules.builtin" 2>/dev/null
}

# Sets LEGACY and NFT to whether rules of either kind can be there, and NATIVE to whether some may be that only nft,
# which is missing, could list; LEGACY_SAVE and NFT_SAVE to the commands that list them: `iptables-save` can be either.
find_rule_readers() {
  LEGACY=false
  NFT=false
  NATIVE=false
  LEGACY_SAVE=
  NFT_SAVE=
  [ ! -e "$ROOT/proc/net/ip_tables_names" ] || LEGACY=true
  ! is_loaded nf_tables || NFT=true
  # Rules that only nft can list need one of these; those of iptables do without, on nft too.
  if ! have nft && { is_loaded nft_masq || is_loaded nft_nat; }; then NATIVE=true; fi
  [ "$LEGACY$NFT" != falsefalse ] || return 0
  ! have iptables-legacy-save || LEGACY_SAVE=iptables-legacy-save
  ! have iptables-nft-save || NFT_SAVE=iptables-nft-save
  case $LEGACY$LEGACY_SAVE:$NFT$NFT_SAVE in true:* | *:true) ;; *) return 0 ;; esac
  have iptables-save || return 0
  case $(limited 5 iptables --version 2>/dev/null) in
    *nf_tables*) NFT_SAVE=iptables-save ;;
    iptables*) LEGACY_SAVE=iptables-save ;;
  esac
}
