/** Which alarms would notice that an instance's table fills up. */
import { metricNamespace } from "../metrics.ts";
import { parseAlarmName } from "./names.ts";

/** An alarm on a Metrics Insights query, and the query. */
export type QueryAlarm = { name: string; query: string };

/** Of every instance that publishes it. */
const onUtilization = new RegExp(
  `^SELECT \\w+\\(ConntrackUtilization\\) FROM SCHEMA\\("${metricNamespace}", InstanceId\\) GROUP BY InstanceId\\b`,
);

/**
 * By name; `null` when too little could be asked to say that there is none. `onMetric`: those on exactly the metric of the
 * instance, among which CloudWatch lists none on a query. `onQueries`: the fleet's. `prefix`: the stack's name and a hyphen.
 */
export function watchingAlarms(
  onMetric: readonly string[] | null,
  onQueries: readonly QueryAlarm[] | null,
  prefix: string,
): string[] | null {
  const found = [
    // It looks whether there are data, not at what they say.
    ...(onMetric ?? []).filter((name) => parseAlarmName(prefix, name)?.what !== "silent"),
    ...(onQueries ?? []).filter(({ query }) => onUtilization.test(query)).map(({ name }) => name),
  ];
  return found.length === 0 && (onMetric === null || onQueries === null) ? null : found;
}
