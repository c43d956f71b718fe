import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { sampled, scaleToTable } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, percent, whole } from "../wording.ts";

/** Above this share of ESTABLISHED, most of the table belongs to nobody. */
const idleShare = 0.5;
/** Idle entries matter once they hold a real part of the table. */
const idlePartOfTable = 0.2;
/** RFC 5382 REQ-5: an established mapping lives at least 2 h 4 min unless the operator says otherwise. */
const shortestSensible = 7_440;

/**
 * Connections whose ends are long gone stay for five days (the kernel's default), because nobody told the NAT.
 * Settled by the histogram of idle time: timeout minus what remains, valid where more than 300 s remain.
 * Looks alike: a busy table (its entries are fresh), one heavy source (its entries may be fresh too).
 */
export const conntrackTimeoutsTooLong: Cause = {
  id: "conntrack-timeouts-too-long",
  title: "Dead connections are remembered for days",
  symptom: "The table fills although traffic did not grow, and a reboot helps for a while.",
  fixes: ["shorten-conntrack-timeouts"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const idle = countIdle(evidence);
    const timeout = evidence.timeouts.tcp_timeout_established;
    const { max } = evidence.conntrack;
    if (idle === undefined || timeout === undefined || max === null) {
      return { verdict: "unknown", missing: "the connection table and its timeouts could not be read" };
    }
    const seen = observe(evidence, idle, timeout);
    const holdsTheTable = scaleToTable(evidence, idle.long) >= idlePartOfTable * max;
    if (idle.share >= idleShare && holdsTheTable && (timeout > shortestSensible || idle.stale > 0)) {
      return { verdict: "present", confidence: 0.95, severity: "warning", evidence: seen };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after) {
    const idleBefore = countIdle(before);
    const idle = countIdle(after);
    const timeout = after.timeouts.tcp_timeout_established;
    if (idle === undefined || idleBefore === undefined || timeout === undefined) {
      return { verdict: "unknown", evidence: [] };
    }
    const evidence = observe(after, idle, timeout);
    const long = scaleToTable(after, idle.long);
    const longBefore = scaleToTable(before, idleBefore.long);
    if (long <= longBefore / 2) return { verdict: "better", evidence };
    return { verdict: long > longBefore ? "worse" : "unchanged", evidence };
  },
};

type Idle = {
  /** ESTABLISHED entries read whose idle time can be told. */
  told: number;
  /** Of those, idle for more than six hours, or older than the last change of the timeout. */
  long: number;
  stale: number;
  share: number;
};

function countIdle({ table }: HostEvidence): Idle | undefined {
  if (table === null) return undefined;
  const { shortTimer: _untold, ...known } = table.establishedIdle;
  const told = Object.values(known).reduce((sum, entries) => sum + entries, 0);
  const long = known.under86400 + known.over86400 + known.staleTimer;
  return { told, long, stale: known.staleTimer, share: told === 0 ? 0 : long / told };
}

function observe(host: HostEvidence, idle: Idle, timeout: number): Observation[] {
  return [
    {
      signal: "established connections idle for more than 6 h",
      observed: `${percent(idle.share)} of ${whole(scaleToTable(host, idle.told))}${sampled(host)}`,
      expected: `below ${percent(idleShare)}`,
    },
    {
      signal: "nf_conntrack_tcp_timeout_established",
      observed: duration(timeout),
      expected: `${duration(shortestSensible)} to ${duration(86_400)} on a NAT`,
    },
  ];
}
