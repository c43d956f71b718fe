import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { agentHistory, exceeded, hurts, observeExceeded, recentGrowth } from "../evidence/allowances.ts";
import type { CloudEvidence } from "../evidence/cloud.ts";
import { peakGbps } from "../evidence/throughput.ts";
import { gigabits, percent } from "../wording.ts";

/** Without the driver's counters: a minute's mean this near the limit has moments at it. */
const nearPeak = 0.95;
/** Below this the type's baseline is not even reached in the busiest minute, so nothing was shaped. */
const farFromBaseline = 0.8;

/**
 * EC2 queues and then drops what goes beyond the type's bandwidth, in either direction.
 * Settled by `bw_in_allowance_exceeded` or `bw_out_allowance_exceeded` growing. Looks alike: too many packets (there
 * `pps_allowance_exceeded` grows), a host that is too busy (there its own drop counters grow).
 */
export const enaBandwidthExceeded: Cause = {
  id: "ena-bandwidth-exceeded",
  title: "The instance type's bandwidth is used up",
  symptom: "Everything through the NAT slows down and loses packets at busy times.",
  fixes: ["add-vpc-endpoint", "change-instance-type"],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const into = exceeded(evidence, "bw_in");
    const out = exceeded(evidence, "bw_out");
    const past = {
      into: recentGrowth(agentHistory(cloud, "bw_in_allowance_exceeded")),
      out: recentGrowth(agentHistory(cloud, "bw_out_allowance_exceeded")),
    };
    const traffic = observeTraffic(cloud);
    const seen = [
      observeExceeded(evidence, "bw_in", past.into),
      observeExceeded(evidence, "bw_out", past.out),
      ...traffic,
    ];
    const now = (into?.growth ?? 0) + (out?.growth ?? 0);
    if (now > 0) {
      const severity = hurts(evidence, now) ? "critical" : "warning";
      return { verdict: "present", confidence: 0.9, severity, evidence: seen };
    }
    if (past.into + past.out > 0) {
      return { verdict: "present", confidence: 0.9, severity: "warning", evidence: seen };
    }
    if (into !== undefined && out !== undefined) return { verdict: "absent", evidence: seen };
    return byCloudWatchAlone(cloud, traffic);
  },

  verify: null,
};

/** The driver does not say: only far from the limit, or at it, can be told. */
function byCloudWatchAlone(cloud: CloudEvidence, seen: Observation[]): Judgement {
  const peak = peakGbps(cloud);
  const { baselineGbps = null, peakGbps: limit = null } = cloud.type ?? {};
  if (peak !== undefined && limit !== null && peak >= nearPeak * limit) {
    return { verdict: "present", confidence: 0.6, severity: "warning", evidence: seen };
  }
  if (peak !== undefined && baselineGbps !== null && peak < farFromBaseline * baselineGbps) {
    return { verdict: "absent", evidence: seen };
  }
  return { verdict: "unknown", missing: "the network driver counts no exceeded allowances", asked: false };
}

function observeTraffic(cloud: CloudEvidence): Observation[] {
  const peak = peakGbps(cloud);
  if (peak === undefined) return [];
  const { name, baselineGbps = null, peakGbps: limit = null } = cloud.type ?? {};
  if (name === undefined || baselineGbps === null || limit === null) return [];
  return [
    {
      signal: "busiest minute of the last hour, in the busier direction",
      observed: `${gigabits(peak)} (${percent(peak / baselineGbps)} of the baseline)`,
      expected: `below ${gigabits(baselineGbps)}, what ${name} has for good; ${gigabits(limit)} for a while`,
    },
  ];
}
