import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth, tableFullDrops, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, percent, whole } from "../wording.ts";

/** The kernel evicts only above the limit, so the count stands there; read between two evictions it wavers a little. */
const atLimit = 0.9;
/** Room for a burst, as for a full table. */
const roomy = 0.7;

/**
 * The table stands at its limit, and the kernel makes room for each new connection by evicting one whose handshake is
 * not finished or that has had no answer. Nothing is refused, nothing is logged, and half-open work is lost.
 * Settled by `early_drop` growing while nothing is dropped for want of room: the kernel counts nothing else there.
 * Looks alike: a full table (drops as well), a busy table with room (no evictions).
 */
export const conntrackLimitMasked: Cause = {
  id: "conntrack-limit-masked",
  title: "The connection tracking table is at its limit, which early drops hide",
  symptom: "Handshakes that are slow to finish and UDP exchanges fail at random; nothing is logged.",
  fixes: ["raise-conntrack-max"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const used = utilization(evidence);
    const evicted = growth(evidence, "conntrack.early_drop");
    if (used === undefined || evicted === undefined) {
      return { verdict: "unknown", missing: "the table's count, its limit and early_drop could not be read" };
    }
    const seen = observe(evidence, used);
    // With drops it is simply a full table, which says so itself.
    if (evicted === 0 || (tableFullDrops(evidence) ?? 0) > 0) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: used >= atLimit ? 0.9 : 0.7,
      severity: "critical",
      evidence: seen,
      advice: [
        "Evictions end when unfinished connections run out: then every new connection is dropped. Room now costs nobody anything.",
      ],
    };
  },

  verify(before, after) {
    const used = utilization(after);
    const evicted = growth(after, "conntrack.early_drop");
    if (used === undefined || evicted === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, used);
    if (evicted === 0 && used < roomy) return { verdict: "better", evidence };
    const evictedBefore = growth(before, "conntrack.early_drop") ?? 0;
    const worse = evicted / after.window > (2 * evictedBefore) / before.window;
    return { verdict: worse ? "worse" : "unchanged", evidence };
  },
};

function observe(host: HostEvidence, used: number): Observation[] {
  const drops = tableFullDrops(host);
  return [
    {
      signal: "unfinished connections evicted to make room (early_drop)",
      observed: `${whole(growth(host, "conntrack.early_drop") ?? 0)} in ${duration(host.window)}`,
      expected: "0",
    },
    { signal: "table in use", observed: percent(used), expected: `below ${percent(roomy)}` },
    {
      signal: "connections dropped for want of room",
      observed: drops === undefined ? "not readable" : whole(drops),
      expected: "0",
    },
  ];
}
