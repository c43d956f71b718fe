import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { parameter, rateDoubled, stackGrowth } from "../evidence/stack-counters.ts";
import { duration, percent, whole } from "../wording.ts";

const counter = "arp.table_fulls";
/** Of gc_thresh3, from where a burst fills the table. Above gc_thresh2 (half of it, by default) the kernel already collects. */
const nearlyFull = 0.9;
/** Seconds since the last "neighbor table overflow" that count as now; the kernel repeats it every 5 s at most. */
const recently = 60;

/**
 * The kernel cannot note one more hardware address, and drops what it would send there. One table serves all interfaces
 * and all containers of the host.
 * Settled by `table_fulls` growing, or the kernel's own word for it in the log a moment ago. Looks alike: hosts that are
 * gone (`unresolved_discards` alone), a full connection table (logs another line).
 */
export const neighbourTableOverflow: Cause = {
  id: "neighbour-table-overflow",
  title: "The neighbour table is full",
  symptom: "Packets to hosts in the NAT's own subnets disappear at random.",
  fixes: ["raise-neighbour-limits"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const refused = stackGrowth(evidence, counter);
    if (refused === undefined)
      return { verdict: "unknown", missing: "/proc/net/stat/arp_cache could not be read" };
    const seen = observe(evidence, refused);
    if (refused > 0) return { verdict: "present", confidence: 0.97, severity: "critical", evidence: seen };
    if (loggedRecently(evidence))
      return { verdict: "present", confidence: 0.9, severity: "critical", evidence: seen };
    if ((used(evidence) ?? 0) >= nearlyFull) {
      const title = "The neighbour table is nearly full";
      return { verdict: "present", confidence: 0.8, severity: "warning", title, evidence: seen };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after) {
    const refused = stackGrowth(after, counter);
    if (refused === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, refused);
    if (refused === 0 && (used(after) ?? 0) < nearlyFull) return { verdict: "better", evidence };
    return { verdict: rateDoubled(before, after, counter) ? "worse" : "unchanged", evidence };
  },
};

function loggedRecently({ kernelLog, uptime }: HostEvidence): boolean {
  const lastAt = kernelLog?.others["neighbour-overflow"]?.lastAt ?? null;
  return lastAt !== null && uptime - lastAt <= recently;
}

/** Of the hard limit, gc_thresh3. */
function used(host: HostEvidence): number | undefined {
  const entries = host.gauges["arp.entries"];
  const limit = parameter(host, "net.ipv4.neigh.default.gc_thresh3");
  return entries === undefined || limit === undefined || limit === 0 ? undefined : entries / limit;
}

function observe(host: HostEvidence, refused: number): Observation[] {
  const seen: Observation[] = [
    {
      signal: "hosts that found no place in the neighbour table (table_fulls)",
      observed: `${whole(refused)} in ${duration(host.window)}`,
      expected: "0",
    },
  ];
  const share = used(host);
  if (share !== undefined) {
    const limit = parameter(host, "net.ipv4.neigh.default.gc_thresh3") ?? 0;
    seen.push({
      signal: "neighbour entries, of gc_thresh3",
      observed: `${whole(host.gauges["arp.entries"] ?? 0)} of ${whole(limit)} (${percent(share)})`,
      expected: `below ${percent(nearlyFull)}`,
    });
  }
  const logged = host.kernelLog?.others["neighbour-overflow"]?.lines ?? 0;
  if (logged > 0) {
    seen.push({
      signal: "kernel log: neighbour table overflow",
      observed: `${whole(logged)} lines`,
      expected: "none",
    });
  }
  return seen;
}
