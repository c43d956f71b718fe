import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { defaultTimeWait } from "../evidence/after-reboot.ts";
import { sampled, scaleToTable, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, percent, whole } from "../wording.ts";

/** Above this share, what is over takes more room than anything that is alive needs. */
const muchRemains = 0.4;
/** Below this nobody misses the room. */
const scarce = 0.7;
/** A server may hold TIME_WAIT for 60 seconds: a port that comes back sooner meets it. */
const shortestTimeWait = 60;
const closing = ["TIME_WAIT", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "CLOSE"];

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
    if (remains.share < muchRemains) return { verdict: "absent", evidence: seen };
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
    const entries = scaleToTable(after, remains.entries);
    const entriesBefore = scaleToTable(before, remainsBefore.entries);
    // The shorter timeout halves what remains of the same traffic; two thirds leave room for more of it.
    if (entries <= (2 / 3) * entriesBefore) return { verdict: "better", evidence };
    return { verdict: entries > 1.5 * entriesBefore ? "worse" : "unchanged", evidence };
  },
};

type Remains = { entries: number; timeWait: number; share: number };

function countRemains({ table, timeouts }: HostEvidence): Remains | undefined {
  if (table === null) return undefined;
  const count = (state: string) => table.tcpStates[state] ?? 0;
  const entries = closing.reduce((sum, state) => sum + count(state), 0);
  // What a timeout above the default adds is that timeout's fault, and not the traffic's.
  const raised = Math.max(defaultTimeWait, timeouts.tcp_timeout_time_wait ?? defaultTimeWait);
  const ownFault = count("TIME_WAIT") * (1 - defaultTimeWait / raised);
  const share = table.entries === 0 ? 0 : (entries - ownFault) / Math.max(1, table.entries - ownFault);
  return { entries, timeWait: count("TIME_WAIT"), share };
}

function room(used: number): Observation {
  return { signal: "table in use", observed: percent(used), expected: `below ${percent(scarce)}` };
}

function observe(host: HostEvidence, { entries, timeWait, share }: Remains): Observation[] {
  const seen: Observation[] = [
    {
      signal: "entries of connections that are over",
      observed: `${whole(scaleToTable(host, entries))} (${percent(share)}${sampled(host)}), ${whole(scaleToTable(host, timeWait))} of them in TIME_WAIT`,
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
