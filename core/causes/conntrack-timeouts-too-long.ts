import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { sampled, scaleToTable } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { closedTooLong, countIdle, type Idle, idleShare, type Overdue } from "../evidence/overdue.ts";
import { duration, percent, whole } from "../wording.ts";

/** Entries that should be gone matter once they hold a real part of the table. */
const partOfTable = 0.2;
/** RFC 5382 REQ-5: an established mapping lives at least 2 h 4 min unless the operator says otherwise. */
const shortestSensible = 7_440;

/**
 * The table remembers connections for longer than anybody needs: dead ones for five days (the kernel's default), or
 * closed ones for as long as somebody once set. Settled by what each timeout keeps: the histogram of idle time (timeout
 * minus what remains, valid where more than 300 s remain), and the entries that TIME_WAIT and CLOSE_WAIT would not
 * hold at their defaults.
 * Looks alike: a busy table (its entries are fresh), one heavy source (its entries may be fresh too), many short
 * connections (TIME_WAIT at its default).
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
    const holdsTheTable = scaleToTable(evidence, idle.long) >= partOfTable * max;
    const areDead =
      idle.share >= idleShare && holdsTheTable && (timeout > shortestSensible || idle.stale > 0);
    const overdue = closedTooLong(evidence).filter(({ surplus }) => surplus >= partOfTable * max);
    const evidenceOfAll = [...(areDead || overdue.length === 0 ? seen : []), ...overdue.map(observeClosed)];
    if (!areDead && overdue.length === 0) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.95,
      severity: "warning",
      evidence: evidenceOfAll,
      ...(areDead ? {} : { title: "Closed connections are remembered for too long" }),
      advice: overdue
        .filter(({ state }) => state === "CLOSE_WAIT")
        .map(
          ({ setting, standard, timeout: present }) =>
            `Put the timeout of half-closed connections back from ${duration(present)} to the default: sysctl -w net.netfilter.${setting}=${standard}`,
        ),
    };
  },

  verify(before, after) {
    const idleBefore = countIdle(before);
    const idle = countIdle(after);
    const timeout = after.timeouts.tcp_timeout_established;
    if (idle === undefined || idleBefore === undefined || timeout === undefined) {
      return { verdict: "unknown", evidence: [] };
    }
    const evidence = [...observe(after, idle, timeout), ...closedTooLong(after).map(observeClosed)];
    const kept = scaleToTable(after, idle.long) + surplusOf(after);
    const keptBefore = scaleToTable(before, idleBefore.long) + surplusOf(before);
    if (kept <= keptBefore / 2) return { verdict: "better", evidence };
    return { verdict: kept > keptBefore ? "worse" : "unchanged", evidence };
  },
};

function surplusOf(host: HostEvidence): number {
  return closedTooLong(host).reduce((sum, { surplus }) => sum + surplus, 0);
}

function observeClosed({ state, setting, timeout, standard, surplus }: Overdue): Observation {
  return {
    signal: setting,
    observed: `${duration(timeout)}, which keeps about ${whole(surplus)} entries in ${state} that the default would not`,
    expected: duration(standard),
  };
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
