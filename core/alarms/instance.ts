/** The alarms that one instance is to have: what the fleet's alarms cannot say, and what somebody has asked for. */
import type { InstanceId, Metric } from "../incident.ts";
import { metricNamespace, type PublishedMetric } from "../metrics.ts";
import type { Alarm, CompositeAlarm, KnownAlarm, MetricAlarm } from "./alarm.ts";
import { alarmName, type InstanceAlarm } from "./names.ts";

/** Parameters of the stack. */
export type AlarmSettings = {
  /** The stack's name and a hyphen. */
  prefix: string;
  silent: boolean;
  /** One alarm with a period of ten seconds per instance. */
  highResolution: boolean;
  /** Alarms on the ENA counters that the CloudWatch agent publishes. */
  agent: boolean;
  /** One composite alarm per instance, for people who page on one. */
  composite: boolean;
  /** ARN of a topic that the composite alarm notifies; `null`: none. */
  pagingTopic: string | null;
  /** Percent; per minute; packets per minute. As the fleet's alarms have them. */
  utilizationThreshold: number;
  lossThreshold: number;
  allowanceThreshold: number;
};

/** An instance that is enrolled and runs, and what CloudWatch knows of it. */
export type WatchedInstance = {
  instanceId: InstanceId;
  /** `ethtool_*_allowance_exceeded` of the agent that had data lately; one per interface and counter. */
  agentMetrics: readonly Metric[];
  /** Its alarm of silence, when it has one. */
  silent: KnownAlarm | undefined;
};

/**
 * How long an instance may take to publish for the first time: State Manager enrols it within minutes. Until then its
 * alarm of silence learns: missing data are no alarm. It is armed when data have come, or when this time has passed.
 */
export const enrolmentSeconds = 900;

/** `now`: ISO 8601. Metric alarms first, then the composite that names them. */
export function desiredAlarms(instance: WatchedInstance, settings: AlarmSettings, now: string): Alarm[] {
  const alarms = [
    ...(settings.silent ? [silentAlarm(instance, settings, now)] : []),
    ...(settings.highResolution || settings.composite ? [failingAlarm(instance, settings)] : []),
    ...(settings.agent ? agentAlarms(instance, settings) : []),
  ];
  const composite = settings.composite && alarms.length > 0;
  return composite ? [...alarms, anyAlarm(instance, settings, alarms)] : alarms;
}

/** Missing data on a running instance is an incident. SampleCount: how often it published within a minute. */
function silentAlarm(
  { instanceId, silent }: WatchedInstance,
  { prefix }: AlarmSettings,
  now: string,
): MetricAlarm {
  return {
    kind: "metric",
    name: alarmName(prefix, "silent", instanceId),
    description: `${instanceId} publishes no metrics: it hangs, its publisher is gone, or it cannot reach AWS.`,
    metrics: [{ id: "m1", metric: published("ConntrackUtilization", instanceId), statistic: "SampleCount" }],
    expression: null,
    periodSeconds: 60,
    comparison: "LessThanThreshold",
    threshold: 1,
    breaching: 5,
    of: 5,
    missing: isArmed(silent, now) ? "breaching" : "missing",
  };
}

function isArmed(silent: KnownAlarm | undefined, now: string): boolean {
  if (silent?.alarm?.kind !== "metric") return false;
  const waited = (Date.parse(now) - Date.parse(silent.writtenAt)) / 1000;
  return silent.alarm.missing === "breaching" || silent.state === "OK" || waited >= enrolmentSeconds;
}

/**
 * Metric math, since the three together cost one look each: a comparison is 1 where it holds. A counter that has no point
 * in a period counts as 0, and forwarding as on; without the first there is no result, which the alarm of silence is for.
 */
function failingAlarm({ instanceId }: WatchedInstance, settings: AlarmSettings): MetricAlarm {
  const { prefix, utilizationThreshold, lossThreshold, highResolution } = settings;
  const periodSeconds = highResolution ? 10 : 60;
  const losses = Math.max(1, Math.ceil((lossThreshold * periodSeconds) / 60));
  return {
    kind: "metric",
    name: alarmName(prefix, "failing", instanceId),
    description: `${instanceId}: its connection tracking table fills up, it drops packets, or it does not forward.`,
    metrics: [
      { id: "u", metric: published("ConntrackUtilization", instanceId), statistic: "Maximum" },
      { id: "d", metric: published("ConntrackDrops", instanceId), statistic: "Sum" },
      { id: "f", metric: published("NatForwarding", instanceId), statistic: "Minimum" },
    ],
    expression: `(u >= ${utilizationThreshold}) + (FILL(d, 0) >= ${losses}) + (FILL(f, 1) < 1)`,
    periodSeconds,
    comparison: "GreaterThanOrEqualToThreshold",
    threshold: 1,
    breaching: highResolution ? 3 : 2,
    of: highResolution ? 6 : 5,
    missing: "notBreaching",
  };
}

/** CloudWatch takes ten metrics in one alarm. An instance with more than twenty series has its first twenty watched. */
const metricsPerAlarm = 10;
const agentAlarmNames = ["ena1", "ena2"] as const satisfies readonly InstanceAlarm[];

/**
 * The agent publishes counters that only grow, so their growth is judged; one series per interface, by the name that it has
 * now: after a rename the series of the new name takes the place of the old.
 */
function agentAlarms({ instanceId, agentMetrics }: WatchedInstance, settings: AlarmSettings): MetricAlarm[] {
  const series = agentMetrics.toSorted((a, b) => keyOf(a).localeCompare(keyOf(b)));
  return agentAlarmNames.flatMap((what, n): MetricAlarm[] => {
    const metrics = series
      .slice(n * metricsPerAlarm, (n + 1) * metricsPerAlarm)
      .map((metric, index) => ({ id: `m${index + 1}`, metric, statistic: "Maximum" }));
    if (metrics.length === 0) return [];
    return [
      {
        kind: "metric",
        name: alarmName(settings.prefix, what, instanceId),
        description: `${instanceId}: an interface drops packets beyond an allowance of the instance type.`,
        metrics,
        // RATE is per second. A counter that begins anew, as after a restart, shrinks once and is no alarm.
        expression: `(${metrics.map(({ id }) => `FILL(RATE(${id}), 0)`).join(" + ")}) * 60`,
        periodSeconds: 60,
        comparison: "GreaterThanOrEqualToThreshold",
        threshold: settings.allowanceThreshold,
        breaching: 3,
        of: 5,
        missing: "notBreaching",
      },
    ];
  });
}

const keyOf = ({ name, dimensions }: Metric): string =>
  [dimensions.interface ?? "", name, ...Object.entries(dimensions).flat()].join(" ");

function anyAlarm(
  { instanceId }: WatchedInstance,
  { prefix, pagingTopic }: AlarmSettings,
  alarms: readonly Alarm[],
): CompositeAlarm {
  return {
    kind: "composite",
    name: alarmName(prefix, "any", instanceId),
    description: `${instanceId}: any of its alarms.`,
    rule: alarms.map(({ name }) => `ALARM("${name}")`).join(" OR "),
    actions: pagingTopic === null ? [] : [pagingTopic],
  };
}

const published = (name: PublishedMetric, InstanceId: InstanceId): Metric => ({
  namespace: metricNamespace,
  name,
  dimensions: { InstanceId },
});
