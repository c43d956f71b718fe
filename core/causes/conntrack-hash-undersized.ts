import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, whole } from "../wording.ts";

/**
 * Entries per bucket. Every flow is in the hash twice, and since 5.15 a chain longer than a random 50 to 79 refuses
 * the connection: with 1,024 buckets 0.2 % of new flows failed at 20 entries per bucket and 31 % at 31 (measured).
 */
const loadThatDrops = 15;
/** Below this no chain gets near the limit; the kernel's own default is 1. */
const healthyLoad = 4;

/**
 * The hash has too few buckets for its entries: the kernel walks long chains, and since 5.15 drops new connections
 * without a log line and without counting them in `drop`.
 * Settled by `chaintoolong` growing. Looks alike: exhausted SNAT ports (there `drop` grows as well).
 */
export const conntrackHashUndersized: Cause = {
  id: "conntrack-hash-undersized",
  title: "The connection tracking hash has too few buckets",
  symptom: "A share of new connections times out although the table has room and nothing is logged.",
  fixes: ["raise-conntrack-max"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const load = entriesPerBucket(evidence);
    if (load === undefined) {
      return { verdict: "unknown", missing: "nf_conntrack_count and nf_conntrack_buckets could not be read" };
    }
    const seen = observe(evidence, load);
    const refused = growth(evidence, "conntrack.chain_too_long");
    if (refused !== undefined && refused > 0) {
      return { verdict: "present", confidence: 0.97, severity: "critical", evidence: seen };
    }
    if (load > loadThatDrops) {
      return { verdict: "present", confidence: 0.8, severity: "warning", evidence: seen };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after) {
    const load = entriesPerBucket(after);
    if (load === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, load);
    const refused = growth(after, "conntrack.chain_too_long") ?? 0;
    if (refused === 0 && load <= healthyLoad) return { verdict: "better", evidence };
    const refusedBefore = growth(before, "conntrack.chain_too_long") ?? 0;
    const worse = refused / after.window > (2 * refusedBefore) / before.window;
    return { verdict: worse ? "worse" : "unchanged", evidence };
  },
};

function entriesPerBucket({ conntrack }: HostEvidence): number | undefined {
  const { count, buckets } = conntrack;
  return count === null || buckets === null || buckets === 0 ? undefined : count / buckets;
}

function observe(host: HostEvidence, load: number): Observation[] {
  const { count, buckets } = host.conntrack;
  const seen: Observation[] = [
    {
      signal: "entries per hash bucket",
      observed: `${load.toFixed(1)} (${whole(count ?? 0)} entries in ${whole(buckets ?? 0)} buckets)`,
      expected: `at most ${healthyLoad}`,
    },
  ];
  const refused = growth(host, "conntrack.chain_too_long");
  if (refused !== undefined) {
    seen.push({
      signal: "connections dropped for a hash chain too long",
      observed: `${whole(refused)} in ${duration(host.window)}`,
      expected: "0",
    });
  }
  return seen;
}
