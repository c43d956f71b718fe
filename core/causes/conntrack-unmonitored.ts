import { awsNotAsked, type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { CloudEvidence } from "../evidence/cloud.ts";

const metricName = "NatMedic/ConntrackUtilization";

/**
 * A table that fills up says nothing until it is full, so its utilisation has to be published and watched.
 * Settled by CloudWatch: data points in three hours, and an alarm on them: one on this instance, or the fleet's, whose query
 * takes in every instance that publishes. Looks alike: another system that watches the
 * same (Prometheus, Datadog), which CloudWatch does not know of.
 */
export const conntrackUnmonitored: Cause = {
  id: "conntrack-unmonitored",
  title: "Nobody would notice when the connection tracking table fills up",
  symptom: "Nothing yet: the next full table is found by its victims.",
  fixes: ["set-up-monitoring"],

  judge({ host, cloud }): Judgement {
    if (!cloud.asked) return awsNotAsked;
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const points = pointsIn(cloud);
    const alarms = cloud.utilizationAlarms;
    if (points === undefined || alarms === null) {
      return { verdict: "unknown", missing: `CloudWatch could not be asked about ${metricName}` };
    }
    const seen: Observation[] = [
      {
        signal: `${metricName} in the last three hours`,
        observed: points === 0 ? "no data points" : `${points} data points`,
        expected: "one a minute",
      },
      {
        signal: "alarms on it",
        observed: alarms.length === 0 ? "none" : alarms.slice(0, 3).join(", "),
        expected: "at least one",
      },
    ];
    if (points > 0 && alarms.length > 0) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.99,
      severity: "warning",
      evidence: seen,
      advice: [
        "CloudWatch is all that was asked: if another system watches nf_conntrack_count against nf_conntrack_max, this is done.",
      ],
    };
  },

  verify: null,
};

/** Of the alarm's own metric or the watched one; `undefined`: neither was readable. */
function pointsIn({ metric, metrics }: CloudEvidence): number | undefined {
  const histories = [metric, metrics[metricName]].filter((history) => history?.name === metricName);
  return histories.length === 0
    ? undefined
    : Math.max(...histories.map((history) => history?.points.length ?? 0));
}
