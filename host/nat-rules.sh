# shellcheck shell=sh
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2034,SC2086 # awk's own $1 in single quotes; RULES is for the collector; $AWK may be two words.
# Which rules make this host a NAT: those of iptables (legacy and on nft) and of nft alone, as one JSON object.
# Included by the collector; expects ROOT, AWK, INTERFACES, OUTER, have, limited and unread. Changes nothing: asking a
# packet filter that no one uses would make the kernel load it, so only those are asked that are loaded.

# A ruleset beyond this is one of thousands of services, not of a NAT instance.
MOST_RULES_BYTES=262144

. "$(dirname "$0")/rule-readers.sh"

# Prints what each reader says of its rules, between `#reader <name>` and `#status <exit code>`.
rules_by_reader() {
  if [ "$LEGACY" = true ]; then
    echo '#reader iptables-legacy'
    status=0
    # Only tables that are there already: to list another would make it.
    tables=$(value_of "$ROOT/proc/net/ip_tables_names") || status=1
    for table in $tables; do
      case $table in nat | mangle | raw) limited 5 "${LEGACY_SAVE:-false}" -t "$table" || status=1 ;; esac
    done
    printf '\n#status %s\n' "$status"
  fi
  [ "$NFT" = true ] || return 0
  if [ -n "$NFT_SAVE" ]; then
    echo '#reader iptables-nft'
    limited 5 "$NFT_SAVE"
    printf '\n#status %s\n' $?
  fi
  if have nft; then
    echo '#reader nft'
    # Without the contents of sets, which can be long.
    limited 5 nft -t list ruleset || limited 5 nft list ruleset
    printf '\n#status %s\n' $?
  fi
}

# Sets RULES to JSON or to null.
read_rules() {
  RULES=null
  find_rule_readers
  answer=$(rules_by_reader 2>/dev/null </dev/null | summarize_rules)
  case $answer in
    '{'*"$NEWLINE"*)
      RULES=${answer%%"$NEWLINE"*}
      unread "${answer#*"$NEWLINE"}"
      ;;
    '{'*) RULES=$answer ;;
    *) unread "rules: ${answer:-could not be read}$AS_NOBODY" ;;
  esac
}

# Prints the JSON object unless something that is loaded could not be read, and then what is wrong.
summarize_rules() {
  $AWK -v legacy="$LEGACY" -v nft="$NFT" -v native="$NATIVE" -v interfaces="$OUTER $INTERFACES" -v most="$MOST_RULES_BYTES" '
    function add(list, item) { return list (list == "" ? "" : ",") item }
    function is_network(text) { return length(text) <= 49 && text ~ /^[0-9a-fA-F.:][0-9a-fA-F.:]+(\/[0-9]+)?$/ }
    function is_address(text) { return length(text) <= 45 && text ~ /^[0-9]+\.[0-9.]+$/ }
    function quoted(text, allowed) { return allowed ? "\"" text "\"" : "null" }
    # A name that ends in + or * is a prefix: it stands for the interface of ours that it fits.
    function interface_of(name, list, n, i, prefix) {
      if (name == "") return "null"
      if (name ~ /[+*]$/) {
        prefix = substr(name, 1, length(name) - 1)
        n = split(interfaces, list, " ")
        for (i = 1; i <= n; i++) if (index(list[i], prefix) == 1) { name = list[i]; break }
      }
      gsub(/[^A-Za-z0-9_.-]/, "_", name)
      return "\"" substr(name, 1, 40) "\""
    }
    # Of several interfaces, the first of ours.
    function preferred(names, list, name, n, m, i, j, ours) {
      n = split(names, name, " ")
      m = split(interfaces, ours, " ")
      for (j = 1; j <= m; j++) for (i = 1; i <= n; i++) if (name[i] == ours[j]) return ours[j]
      return name[1]
    }
    function range_of(text, ends, n) {
      n = split(text, ends, "-")
      if (ends[1] !~ /^[0-9]+$/ || (n > 1 && ends[2] !~ /^[0-9]+$/) || n > 2) return ""
      if (n == 1) ends[2] = ends[1]
      return ends[1] + 0 <= 65535 && ends[2] + 0 <= 65535 ? "[" ends[1] + 0 "," ends[2] + 0 "]" : ""
    }
    # 192.0.2.1, 192.0.2.1-192.0.2.9, with :ports or without.
    function set_target(text, part, ends, n) {
      if (split(text, part, ":") > 2) return
      if (part[2] != "") PORTS = range_of(part[2])
      n = split(part[1], ends, "-")
      if (n == 1) ends[2] = ends[1]
      if (n <= 2 && is_address(ends[1]) && is_address(ends[2])) ADDRESSES = "[\"" ends[1] "\",\"" ends[2] "\"]"
    }

    # --- One rule into ACTION, JUMPS, SOURCES, DESTINATION, OUT, PROTOCOL, ADDRESSES, PORTS, RANDOM ---
    function forget() {
      ACTION = JUMPS = SOURCES = DESTINATION = OUT = PROTOCOL = ADDRESSES = PORTS = MARKS = ""
      RANDOM = "no"
    }
    function understand_iptables(rule, word, n, i, other) {
      forget()
      gsub(/\\./, "_", rule)
      gsub(/"[^"]*"/, "_", rule)
      n = split(rule, word, " ")
      for (i = 1; i <= n; i++) {
        if (word[i] == "!") { other = 1; continue }
        if (other) { other = 0; continue }
        if (word[i] == "-s") SOURCES = word[i + 1]
        else if (word[i] == "-d") DESTINATION = word[i + 1]
        else if (word[i] == "-o") OUT = word[i + 1]
        else if (word[i] == "-p") PROTOCOL = word[i + 1]
        else if (word[i] == "-j" || word[i] == "-g") JUMPS = word[i + 1]
        else if (word[i] == "--to-source" && ADDRESSES == "") set_target(word[i + 1])
        else if (word[i] == "--to-ports") PORTS = range_of(word[i + 1])
        else if (word[i] == "--random") RANDOM = "random"
        else if (word[i] == "--random-fully") RANDOM = "fully"
        else if (word[i] == "--notrack") MARKS = MARKS " notrack"
        else if (word[i] == "--strip-options" && word[i + 1] ~ /(^|,)(8|timestamp)(,|$)/) MARKS = MARKS " stripped"
      }
      if (JUMPS == "MASQUERADE") ACTION = "masquerade"
      else if (JUMPS == "SNAT") ACTION = "snat"
      else if (JUMPS == "NOTRACK") MARKS = MARKS " notrack"
      else if (JUMPS == "TCPMSS") MARKS = MARKS " clamped"
    }
    # The values of a condition whose words begin here: "" where they say nothing simple (!=, a named set, a map).
    function values(word, at, n, list) {
      if (word[at] == "==") at++
      if (word[at] != "{") return word[at] ~ /^(!=|@|vmap|map|&|and|\.)/ || word[at + 1] ~ /^(\.|&|and|map|vmap)$/ ? "" : word[at]
      for (at++; at <= n && word[at] != "}"; at++) if (word[at] != ",") list = list (list == "" ? "" : " ") word[at]
      return list
    }
    function understand_nft(rule, word, n, i, value) {
      forget()
      gsub(/(comment|prefix) "[^"]*"/, "", rule)
      gsub(/"/, "", rule)
      gsub(/[{},]/, " & ", rule)
      n = split(rule, word, " ")
      for (i = 1; i <= n; i++) {
        if (word[i] == "random" && ACTION != "" && RANDOM == "no") RANDOM = "random"
        else if (word[i] == "fully-random" && ACTION != "") RANDOM = "fully"
        # What follows says where to, not for whom.
        if (ACTION != "") continue
        if (word[i] == "ip6" || (word[i] == "nfproto" && word[i + 1] == "ipv6")) SIX = 1
        if (word[i] == "oifname" || word[i] == "oif") OUT = preferred(values(word, i + 1, n))
        else if (word[i] == "ip" && word[i + 1] == "saddr") SOURCES = values(word, i + 2, n)
        else if (word[i] == "ip" && word[i + 1] == "daddr") { value = values(word, i + 2, n); DESTINATION = value ~ / / ? "" : value }
        else if ((word[i] == "ip" && word[i + 1] == "protocol") || word[i] == "l4proto") {
          value = values(word, i + 1 + (word[i] == "ip"), n)
          PROTOCOL = value ~ / / ? "" : value
        }
        else if (word[i] ~ /^(tcp|udp)$/ && word[i + 1] ~ /^[ds]port$/) PROTOCOL = word[i]
        else if (word[i] == "jump" || word[i] == "goto") JUMPS = JUMPS " " word[i + 1]
        else if (word[i] == "notrack") MARKS = MARKS " notrack"
        else if (word[i] == "maxseg" && word[i + 1] == "size" && word[i + 2] == "set") MARKS = MARKS " clamped"
        else if (word[i] == "reset" && word[i + 1] == "tcp" && word[i + 2] == "option" && word[i + 3] == "timestamp") MARKS = MARKS " stripped"
        else if (word[i] == "masquerade") {
          ACTION = "masquerade"
          if (word[i + 1] == "to" && substr(word[i + 2], 1, 1) == ":") PORTS = range_of(substr(word[i + 2], 2))
        }
        else if (word[i] == "snat") {
          ACTION = "snat"
          if (word[i + 1] ~ /^ip6?$/) i++
          if (word[i + 1] == "to" && word[i + 3] !~ /^(map|\.)$/) set_target(word[i + 2])
        }
        # A rule of iptables, where nft cannot translate it.
        else if (word[i] == "xt" && word[i + 1] == "target") {
          value = toupper(word[i + 2])
          if (value == "MASQUERADE") ACTION = "masquerade"
          else if (value == "SNAT") ACTION = "snat"
          else if (value == "TCPMSS") MARKS = MARKS " clamped"
          if (ACTION != "") OPAQUE = 1
        }
      }
    }

    # --- From the chains that everything passes, in their order, to the rules that rewrite the source ---
    function show(backend, source, destination, out, protocol, specification, rule) {
      if (shown >= 20 || bytes > 3000) { unshown++; return }
      shown++
      rule = "{\"backend\":\"" backend "\",\"action\":\"" ACTION "\",\"source\":" quoted(source, is_network(source)) \
        ",\"destination\":" quoted(destination, is_network(destination)) ",\"outInterface\":" interface_of(out) \
        ",\"protocol\":" quoted(protocol, protocol ~ /^[A-Za-z0-9_.-]+$/ && length(protocol) <= 40) \
        ",\"addresses\":" (ADDRESSES == "" ? "null" : ADDRESSES) ",\"ports\":" (PORTS == "" ? "null" : PORTS) \
        ",\"random\":\"" RANDOM "\",\"specification\":\"" specification "\"}"
      bytes += length(rule)
      nat = add(nat, rule)
    }
    # What is asked of a packet on the way to a chain is asked of it in that chain too.
    function walk(space, chain, sources, destination, out, protocol, depth, i, j, n, jumps, backend, plain, s, d, o, p, list) {
      if (depth > 8 || visits++ > 500) return
      for (i = 1; i <= size[space, chain]; i++) {
        plain = rules[space, chain, i]
        backend = reader_of[space]
        SIX = 0
        if (backend == "nft") understand_nft(plain); else understand_iptables(plain)
        if (SIX) continue
        s = SOURCES == "" ? sources : SOURCES
        d = DESTINATION == "" ? destination : DESTINATION
        o = OUT == "" ? out : OUT
        p = PROTOCOL == "" ? protocol : PROTOCOL
        if (ACTION != "") {
          # Only what can be pasted as it is.
          plain = chain " " plain
          if (backend == "nft" || plain !~ /^[A-Za-z0-9_.,:\/+ -]+$/ || length(plain) > 160) plain = ""
          if (s == "") show(backend, "", d, o, p, plain)
          n = split(s, list, " ")
          for (j = 1; j <= n; j++) show(backend, list[j], d, o, p, plain)
          continue
        }
        n = split(JUMPS, jumps, " ")
        for (j = 1; j <= n; j++) if ((space, jumps[j]) in size) walk(space, jumps[j], s, d, o, p, depth + 1)
      }
    }
    function keep(space, chain, rule) {
      rules[space, chain, ++size[space, chain]] = rule
      reader_of[space] = reader
    }
    function count_marks() {
      if (MARKS ~ /notrack/) found_notrack++
      if (MARKS ~ /stripped/) found_stripped++
      if (MARKS ~ /clamped/) found_clamped++
    }

    # The reader that breaks off has said nothing.
    function reset_reader() { roots_before = roots; notrack = found_notrack; stripped = found_stripped; clamped = found_clamped }
    $1 == "#reader" && NF == 2 { reader = $2; reset_reader(); space = chain = pending = ""; next }
    $1 == "#status" && NF == 2 {
      if ($2 == 0) read[reader] = 1
      else { roots = roots_before; found_notrack = notrack; found_stripped = stripped; found_clamped = clamped }
      reader = ""
      next
    }
    { seen += length($0) + 1; if (seen > most) { cut = 1; exit } }

    reader ~ /^iptables/ && /^\*/ {
      table = substr($1, 2)
      space = reader " " table
      if (table == "nat") { root[++roots] = space; root_chain[roots] = "POSTROUTING" }
      next
    }
    reader ~ /^iptables/ && /^-A / {
      rule = $0
      sub(/^-A [^ ]+ ?/, "", rule)
      if (reader == "iptables-nft") told[table, $2] = 1
      if (table == "nat") keep(space, $2, rule)
      else if (table == "mangle" || table == "raw") { understand_iptables(rule); count_marks() }
      next
    }

    reader == "nft" && /^table / {
      skipped = $2 == "ip6" || $2 == "bridge" || $2 == "arp"
      family = $2
      table = $3
      space = "nft " family " " table
      chain = pending = ""
      next
    }
    reader == "nft" && skipped { next }
    reader == "nft" && $1 == "chain" && $3 == "{" {
      chain = $2
      pending = ""
      # What iptables can list it has told already, and better. It lists no other chains of the same table.
      if (family == "ip" && ((table, chain) in told) && read["iptables-nft"]) chain = ""
      else size[space, chain] += 0
      next
    }
    reader == "nft" && chain != "" {
      line = pending $0
      # A long list goes on in the next line.
      bare = line
      gsub(/"[^"]*"/, "", bare)
      opened = gsub(/\{/, "", bare)
      if (opened > gsub(/\}/, "", bare)) { pending = line " "; next }
      pending = ""
      if ($1 == "}" && NF == 1 && line == $0) { chain = ""; next }
      if (line ~ /^[ \t]*type nat hook postrouting /) { root[++roots] = space; root_chain[roots] = chain; next }
      if (line ~ /^[ \t]*(type [a-z]+ hook|comment) /) next
      keep(space, chain, line)
      understand_nft(line)
      count_marks()
    }

    END {
      if (cut) { print "more of them than are read"; exit }
      if (legacy == "true" && !read["iptables-legacy"]) { print "those of iptables-legacy could not be listed"; exit }
      if (nft == "true" && !read["iptables-nft"] && !read["nft"]) { print "neither iptables-nft nor nft lists them"; exit }
      for (r = 1; r <= roots; r++) walk(root[r], root_chain[r], "", "", "", "", 0)
      if (nat == "" && native == "true" && !read["nft"]) { print "no nft to list its own"; exit }
      if (OPAQUE) { print "nft alone cannot tell those of iptables"; exit }
      readers = ""
      n = split("iptables-legacy iptables-nft nft", order, " ")
      for (i = 1; i <= n; i++) if (order[i] in read && read[order[i]]) readers = add(readers, "\"" order[i] "\"")
      printf "{\"readers\":[%s],\"nat\":[%s],\"clampsMss\":%s,", readers, nat, (found_clamped > 0 ? "true" : "false")
      printf "\"notrack\":%d,\"stripsTimestamps\":%d}\n", found_notrack, found_stripped
      if (unshown) printf "rules: %d more that rewrite the source are not listed\n", unshown
    }'
}
