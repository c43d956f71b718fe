import { awsNotAsked, type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { publicationOf, utilizationMetric } from "../evidence/publication.ts";

/**
 * A table that fills up says nothing until it is full, so its utilisation has to be published and watched.
 * Settled by CloudWatch: data points in three hours, and an alarm on them: one on this instance, or the fleet's, whose query
 * takes in every instance that publishes. An instance whose
 * alarm of silence went off is not published any more, whatever it published before. Looks alike: another system that watches the
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
    const publication = publicationOf(cloud);
    const alarms = cloud.utilizationAlarms;
    if (!publication.known || alarms === null) {
      return { verdict: "unknown", missing: `CloudWatch could not be asked about ${utilizationMetric}` };
    }
    const seen: Observation[] = [
      {
        signal: `${utilizationMetric} in the last three hours`,
        observed: publication.observed,
        expected: "one a minute",
      },
      {
        signal: "alarms on it",
        observed: alarms.length === 0 ? "none" : alarms.slice(0, 3).join(", "),
        expected: "at least one",
      },
    ];
    if (publication.published && alarms.length > 0) return { verdict: "absent", evidence: seen };
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
