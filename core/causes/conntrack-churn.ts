import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { sampled, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { countRemains, inState, type Remains } from "../evidence/overdue.ts";
import { duration, percent, whole } from "../wording.ts";

/** Above this share, what is over takes more room than anything that is alive needs. */
const muchRemains = 0.4;
/** Below this nobody misses the room. */
const scarce = 0.7;
/** A server may hold TIME_WAIT for 60 seconds: a port that comes back sooner meets it. */
const shortestTimeWait = 60;

/**
 * Connections that end at once leave an entry behind for two minutes, so the table fills with the rate of new
 * connections. Settled by the states of the TCP entries: most of them are over.
 * Looks alike: a `time_wait` that somebody raised (what the kernel's own default would leave is judged here), dead
 * connections (established, not closed), a scan (SYN_SENT, no answer).
 */
export const conntrackChurn: Cause = {
  id: "conntrack-churn",
  title: "Short connections fill the table with their remains",
  symptom: "The table fills with the rate of new connections, not with their number.",
  fixes: ["shorten-conntrack-timeouts", "raise-conntrack-max"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const used = utilization(evidence);
    if (used === undefined) {
      return { verdict: "unknown", missing: "nf_conntrack_count and nf_conntrack_max could not be read" };
    }
    if (used < scarce) return { verdict: "absent", evidence: [room(used)] };
    const remains = countRemains(evidence);
    if (remains === undefined)
      return { verdict: "unknown", missing: "the connection table could not be read" };
    const seen = [room(used), ...observe(evidence, remains)];
    const { max } = evidence.conntrack;
    const usedAtDefaults = used - remains.surplus / (max ?? 1);
    if (remains.share < muchRemains || usedAtDefaults < scarce) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.85,
      severity: "warning",
      evidence: seen,
      advice: [
        "Keep-alive and connection pools on the clients end it; the timeout only halves it, and more room only moves it.",
      ],
    };
  },

  verify(before, after) {
    const used = utilization(after);
    const remains = countRemains(after);
    const remainsBefore = countRemains(before);
    if (used === undefined || remains === undefined || remainsBefore === undefined) {
      return { verdict: "unknown", evidence: [] };
    }
    const evidence = [room(used), ...observe(after, remains)];
    if (used < scarce) return { verdict: "better", evidence };
    // The shorter timeout halves what remains of the same traffic; two thirds leave room for more of it.
    if (remains.entries <= (2 / 3) * remainsBefore.entries) return { verdict: "better", evidence };
    return { verdict: remains.entries > 1.5 * remainsBefore.entries ? "worse" : "unchanged", evidence };
  },
};

function room(used: number): Observation {
  return { signal: "table in use", observed: percent(used), expected: `below ${percent(scarce)}` };
}

function observe(host: HostEvidence, { entries, share }: Remains): Observation[] {
  const seen: Observation[] = [
    {
      signal: "entries of connections that are over",
      observed: `${whole(entries)} (${percent(share)}${sampled(host)}), ${whole(inState(host, "TIME_WAIT"))} of them in TIME_WAIT`,
      expected: `below ${percent(muchRemains)}`,
    },
  ];
  const timeout = host.timeouts.tcp_timeout_time_wait;
  if (timeout !== undefined) {
    seen.push({
      signal: "nf_conntrack_tcp_timeout_time_wait",
      observed: duration(timeout),
      expected: `${duration(shortestTimeWait)} where many short connections pass`,
    });
  }
  return seen;
}
