/**
 * What the collector in `host/collect-host-evidence.sh` prints: the one contract between NAT Medic and the host.
 *
 * The host may be compromised, so nothing here is trusted: every number is bounded, every string has an
 * alphabet without markup, and whatever does not fit makes the whole reading unreadable rather than healthy.
 * `null` always means "could not be read", and `unread` says why.
 */
import * as z from "zod/mini";

const count = z.int().check(z.gte(0), z.lte(Number.MAX_SAFE_INTEGER));
/** Entries of a table: a conntrack table cannot exceed 2^31 entries. */
const entries = z.int().check(z.gte(0), z.lte(2 ** 31));
const seconds = z.number().check(z.gte(0), z.lte(10 ** 10));
const address = z.string().check(z.regex(/^[0-9a-fA-F.:]{2,45}$/));
const word = z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,40}$/));
/** Free text from the host: letters, digits and a little punctuation, so that no message can carry markup. */
const plainText = z.string().check(z.regex(/^[A-Za-z0-9_.,:;/()=%+ -]{0,160}$/));
/** Most frequent first. The counts are of the entries that were read, each at most `undercount` too low. */
const ranked = z.array(z.tuple([address, entries])).check(z.maxLength(20));

const cidr = z.string().check(z.regex(/^[0-9a-fA-F.:]{2,45}(\/[0-9]{1,3})?$/));
const port = z.int().check(z.gte(0), z.lte(65_535));

/** One rule that rewrites the source of what leaves: what makes the host a NAT. */
export const NatRule = z.object({
  /** Who holds it. Rules of iptables on the nft backend are told once, as `iptables-nft`. */
  backend: z.enum(["iptables-legacy", "iptables-nft", "nft"]),
  action: z.enum(["masquerade", "snat"]),
  /** `null`: any, or what is no single network, such as a named set. A list is told as one rule for each. */
  source: z.nullable(cidr),
  destination: z.nullable(cidr),
  /** Of a prefix such as `ens+`, the interface of this host that it fits, or else `ens_`. */
  outInterface: z.nullable(word),
  protocol: z.nullable(word),
  /** SNAT's addresses, first and last. */
  addresses: z.nullable(z.tuple([address, address])),
  /** `--to-ports`, first and last; `null`: the kernel's own range, 1024 to 65535 for most. */
  ports: z.nullable(z.tuple([port, port])),
  random: z.enum(["no", "random", "fully"]),
  /** Chain and rule as `iptables -t nat -A` takes them; empty for nft, and where they could not be pasted as they are. */
  specification: plainText,
});
export type NatRule = z.infer<typeof NatRule>;

const networkInterface = z.object({
  name: word,
  mtu: z.int().check(z.gte(0), z.lte(1_000_000)),
  /** Whether the default route leaves by it. */
  defaultRoute: z.boolean(),
  driver: z.nullable(word),
  driverVersion: z.nullable(plainText),
  /** Receive ring: descriptors now, and at most. */
  rxRing: z.nullable(z.tuple([count, count])),
});

/** A setting found in a configuration file, and where. */
const configured = z.nullable(z.object({ value: count, file: plainText }));

/** One SNAT port space each: protocol, NAT address, destination address, destination port (0: none). */
const portSpaces = z
  .array(z.object({ protocol: word, natAddress: address, address, port, entries }))
  .check(z.maxLength(20));

const conntrackTable = z.object({
  /** Who read it: `conntrack` (conntrack-tools), `ctnetlink` (python3), or `proc`. */
  reader: z.enum(["conntrack", "ctnetlink", "proc"]),
  /** Entries read. The hash is keyed, so the head of a dump is a uniform random sample of the table. */
  entries,
  /** False when the reader stopped at its limit; shares are then estimates from `entries` of `conntrack.count`. */
  complete: z.boolean(),
  /** How long the dump took. */
  seconds,
  protocols: z.record(word, entries),
  /** TCP only. */
  tcpStates: z.record(word, entries),
  unreplied: entries,
  assured: entries,
  offloaded: entries,
  /**
   * ESTABLISHED TCP entries by seconds since their last packet (timeout minus what remains).
   * `shortTimer`: 300 s or less remain, so idleness cannot be told (unacknowledged data, retransmits).
   * `staleTimer`: more remains than the present timeout, so the entry is older than the last change of it.
   */
  establishedIdle: z.object({
    under60: entries,
    under300: entries,
    under3600: entries,
    under7440: entries,
    under21600: entries,
    under86400: entries,
    over86400: entries,
    shortTimer: entries,
    staleTimer: entries,
  }),
  sources: ranked,
  /** Entries without a reply, by source. */
  unrepliedSources: ranked,
  natAddresses: ranked,
  /** The fullest SNAT port spaces. */
  destinations: portSpaces,
  /** The same, of TCP entries in SYN_SENT without a reply: where connections are being tried in vain. */
  unansweredDestinations: z._default(portSpaces, []),
  /** Those of them whose last SYN left within the last 3 s; `null`: not told. */
  unansweredLately: z._default(z.nullable(portSpaces), null),
  /** Entries whose port the NAT had to change, because the client's own was taken; `null`: not counted. */
  remapped: z._default(z.nullable(entries), null),
  /** Upper bound of the error of each ranked count, in entries read (Misra-Gries). */
  undercount: entries,
});

export const HostEvidence = z.object({
  schema: z.literal("nat-medic/host-evidence/1"),
  /** Host clock, Unix seconds. */
  takenAt: count,
  uptime: seconds,
  /** Seconds between the two counter samples, never zero; the table was read in between. */
  window: z.number().check(z.gt(0), z.lte(3600)),
  /** Wall time of the whole collection. */
  took: seconds,
  kernel: word,
  cpus: z.int().check(z.gte(1), z.lte(4096)),
  memory: z.object({ totalKiB: count, availableKiB: count }),
  /** `loaded: false` means that the kernel tracks no connections at all, so this host does no NAT. */
  conntrack: z.object({
    loaded: z.boolean(),
    count: z.nullable(entries),
    max: z.nullable(entries),
    buckets: z.nullable(entries),
  }),
  /** Seconds, by the sysctl's name after `nf_conntrack_`, e.g. `tcp_timeout_established`. */
  timeouts: z.record(word, count),
  /**
   * `<group>.<counter>`: `[total, delta over the window]`, 32-bit wrap already undone. Zeros are told of connection
   * tracking, allowances and the few others that clear a cause of suspicion; any other that is missing may be zero.
   * Of a card's queues the sum: `ens5.rx_empty_rx_ring`, `ens5.tx_queue_stop`.
   */
  counters: z.record(
    z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,80}$/)),
    z.tuple([count, z.int().check(z.gte(-(2 ** 53)), z.lte(2 ** 53))]),
  ),
  table: z.nullable(conntrackTable),
  /** Kernel log lines since boot. The kernel rate-limits them (10 in 5 s): they are not drop counts. */
  kernelLog: z.nullable(
    z.object({
      tableFull: count,
      /** Seconds after boot of the last such line. */
      tableFullLastAt: z.nullable(seconds),
      /** "table full in netns N": the table of a container on this host, not the NAT's. */
      tableFullOtherNamespace: count,
      tableFullOtherNamespaceLastAt: z._default(z.nullable(seconds), null),
      /** Lines of other troubles, by the names in the collector: `neighbour-overflow`, `ena-reset`, `out-of-memory`, ... */
      others: z._default(z.record(word, z.object({ lines: count, lastAt: z.nullable(seconds) })), {}),
    }),
  ),
  /**
   * Kernel parameters by their sysctl name, as numbers: `net.ipv4.ip_forward` [1], `net.ipv4.ip_local_port_range`
   * [32768, 60999], `net.ipv4.conf.ens5.rp_filter` [0]. What is missing could not be read, or this kernel has none.
   */
  parameters: z._default(
    z.record(z.string().check(z.regex(/^[A-Za-z0-9_.-]{1,80}$/)), z.array(count).check(z.maxLength(3))),
    {},
  ),
  /** What is so at this moment, as `frag.memory` (bytes), `arp.entries`, `tcp.tw`. */
  gauges: z._default(z.record(word, count), {}),
  interfaces: z._default(z.nullable(z.array(networkInterface).check(z.maxLength(8))), null),
  /** Rules of this host that matter here; `null`: they could not be read. */
  rules: z._default(
    z.nullable(
      z.object({
        /** What could be asked; none of them asked means that no module of theirs is loaded, so there are no rules. */
        readers: z.array(z.enum(["iptables-legacy", "iptables-nft", "nft"])).check(z.maxLength(3)),
        nat: z.array(NatRule).check(z.maxLength(20)),
        /** TCPMSS on what is forwarded. */
        clampsMss: z.boolean(),
        /** Rules that take traffic out of connection tracking. */
        notrack: count,
        /** Destinations whose SYNs leave without timestamps. */
        stripsTimestamps: count,
      }),
    ),
    null,
  ),
  /** What a reboot would bring back. */
  persistence: z.object({
    /** Who owns the host's network settings. */
    owner: z.enum(["none", "fck-nat", "alternat"]),
    max: configured,
    buckets: configured,
    hashsize: configured,
    established: configured,
    timeWait: z._default(configured, null),
    ipForward: z._default(configured, null),
    moduleLoadedAtBoot: z.boolean(),
  }),
  /** What could not be read, and why: one line each. */
  unread: z.array(plainText).check(z.maxLength(20)),
});
export type HostEvidence = z.infer<typeof HostEvidence>;
