/** Asks AWS about the instance and what is around it. What it does not answer is unread; the rest still counts. */
import * as z from "zod/mini";
import { alarmsOn, historiesOf, historyOf, queryAlarms } from "../../aws/cloudwatch.ts";
import { statusChecksOf } from "../../aws/ec2.ts";
import { pingStatus } from "../../aws/ssm.ts";
import { fleetPrefix, parseAlarmName } from "../../core/alarms/names.ts";
import { watchingAlarms } from "../../core/alarms/watching.ts";
import { CloudEvidence, watchedMetrics } from "../../core/evidence/cloud.ts";
import { secondsSilent } from "../../core/evidence/publication.ts";
import { Incident, type Metric } from "../../core/incident.ts";
import { metricNamespace } from "../../core/metrics.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";
import { asking } from "./asking.ts";
import { surroundings } from "./surroundings.ts";

export const handler = step({
  input: z.object({ incident: Incident }),
  output: CloudEvidence,
  run: async ({ incident: { instanceId, trigger } }) => {
    const now = new Date();
    const prefix = environment.alarmPrefix();
    const dimensions = { InstanceId: instanceId };
    const utilization = { namespace: metricNamespace, name: "ConntrackUtilization", dimensions };
    const alarmed = (trigger.kind === "alarm" ? trigger.metric : null) ?? utilization;
    const watched = watchedMetrics.map((metric) => ({ ...metric, dimensions }));
    const isSilence =
      trigger.kind === "alarm" && parseAlarmName(prefix, trigger.alarmName)?.what === "silent";
    // What rang for it watches it: in a storm of alarms nobody need ask nine times a second, which is all that AWS allows.
    const rang =
      trigger.kind === "alarm" && !isSilence && sameMetric(trigger.metric, utilization)
        ? [trigger.alarmName]
        : null;
    const { ask, leftOut, unread } = asking();
    const [around, statusChecks, ping, metric, histories, onMetric, onQueries] = await Promise.all([
      surroundings(instanceId, { ask, leftOut }),
      ask("DescribeInstanceStatus", statusChecksOf(instanceId)),
      ask("DescribeInstanceInformation", pingStatus(instanceId)),
      ask("GetMetricData of the alarm", historyOf(alarmed, now)),
      ask("GetMetricData", historiesOf(watched, now)),
      rang ?? ask("DescribeAlarmsForMetric", alarmsOn(utilization)),
      rang === null ? ask("DescribeAlarms", queryAlarms(fleetPrefix(prefix))) : [],
    ]);
    const metrics = Object.fromEntries((histories ?? []).map((history) => [history.name, history]));
    const agent = ping === null ? null : { ping };
    return {
      asked: true,
      ...around,
      statusChecks,
      agent,
      metric,
      metrics,
      silentSeconds: isSilence ? secondsSilent(metric, now) : null,
      utilizationAlarms: watchingAlarms(onMetric, onQueries, prefix),
      unread: unread(),
    };
  },
});

function sameMetric(one: Metric | null, other: Metric): boolean {
  return (
    one?.namespace === other.namespace &&
    one.name === other.name &&
    one.dimensions.InstanceId === other.dimensions.InstanceId
  );
}
