/**
 * What CloudWatch tells EventBridge. Shapes as in the CloudWatch User Guide, "Alarm events and EventBridge": timestamps
 * end in +0000, the event's own time has no fraction of a second.
 */
import { randomUUID } from "node:crypto";
import type { CompositeAlarm, MetricAlarm, MetricDataQuery } from "@aws-sdk/client-cloudwatch";
import type { Place } from "../../core/place.ts";
import type { AlarmState } from "./alarm-rule.ts";

export type AlarmEvent = {
  version: "0";
  id: string;
  "detail-type":
    | "CloudWatch Alarm State Change"
    | "CloudWatch Alarm Contributor State Change"
    | "CloudWatch Alarm Configuration Change";
  source: "aws.cloudwatch";
  account: string;
  time: string;
  region: string;
  resources: string[];
  detail: Detail & { alarmName: string };
};

type Detail = {
  state: { value: AlarmState; timestamp: string; reason?: string; reasonData?: string };
  [field: string]: unknown;
};

export type KnownState = {
  value: AlarmState;
  reason: string;
  /** JSON text; alarms on several time series have none. */
  reasonData?: string | undefined;
  at: Date;
};

export type Contributor = { id: string; attributes: Record<string, string> };

type About = { name: string; arn: string; place: Place };

export const stateChange = (
  about: About,
  alarm: MetricAlarm | CompositeAlarm,
  state: KnownState,
  previous: KnownState,
): AlarmEvent =>
  event(about, "CloudWatch Alarm State Change", state.at, {
    state: stateOf(state),
    previousState: stateOf(previous),
    configuration: watched(alarm),
  });

export const contributorChange = (
  about: About,
  alarm: MetricAlarm,
  contributor: Contributor,
  state: KnownState,
): AlarmEvent =>
  event(about, "CloudWatch Alarm Contributor State Change", state.at, {
    alarmContributor: { id: contributor.id, attributes: contributor.attributes },
    state: stateOf(state),
    configuration: watched(alarm),
  });

export const configurationChange = (
  about: About,
  operation: "create" | "update" | "delete",
  alarm: MetricAlarm | CompositeAlarm,
  at: Date,
  previous?: MetricAlarm | CompositeAlarm,
): AlarmEvent =>
  event(about, "CloudWatch Alarm Configuration Change", at, {
    operation,
    state: {
      value: alarm.StateValue ?? "INSUFFICIENT_DATA",
      timestamp: stamp(alarm.StateUpdatedTimestamp ?? at),
    },
    configuration: whole(alarm, at),
    ...(previous !== undefined && { previousConfiguration: whole(previous, at) }),
  });

const event = (
  { name, arn, place }: About,
  kind: AlarmEvent["detail-type"],
  at: Date,
  detail: Detail,
): AlarmEvent => ({
  version: "0",
  id: randomUUID(),
  "detail-type": kind,
  source: "aws.cloudwatch",
  account: place.account,
  time: at.toISOString().replace(/\.\d+Z$/, "Z"),
  region: place.region,
  resources: [arn],
  detail: { alarmName: name, ...detail },
});

const stateOf = ({ value, reason, reasonData, at }: KnownState) => ({
  value,
  reason,
  ...(reasonData !== undefined && { reasonData }),
  timestamp: stamp(at),
});

/** What an event about a state says of the configuration. */
const watched = (alarm: MetricAlarm | CompositeAlarm) => ({
  ...(alarm.AlarmDescription !== undefined && { description: alarm.AlarmDescription }),
  ...("AlarmRule" in alarm ? { alarmRule: alarm.AlarmRule } : { metrics: metricsOf(alarm) }),
});

/** What an event about the configuration says of it. */
const whole = (alarm: MetricAlarm | CompositeAlarm, at: Date) => ({
  ...("AlarmRule" in alarm ? {} : comparison(alarm)),
  ...watched(alarm),
  alarmName: alarm.AlarmName,
  actionsEnabled: alarm.ActionsEnabled ?? true,
  timestamp: stamp(alarm.AlarmConfigurationUpdatedTimestamp ?? at),
  okActions: alarm.OKActions ?? [],
  alarmActions: alarm.AlarmActions ?? [],
  insufficientDataActions: alarm.InsufficientDataActions ?? [],
});

const comparison = ({
  EvaluationPeriods: evaluationPeriods,
  DatapointsToAlarm: datapointsToAlarm,
  Threshold: threshold,
  ComparisonOperator: comparisonOperator,
  TreatMissingData: treatMissingData,
}: MetricAlarm) => ({
  evaluationPeriods,
  ...(datapointsToAlarm !== undefined && { datapointsToAlarm }),
  threshold,
  comparisonOperator,
  ...(treatMissingData !== undefined && { treatMissingData }),
});

const metricsOf = ({ Metrics, Namespace, MetricName, Dimensions, Period, Statistic }: MetricAlarm) =>
  Metrics === undefined || Metrics.length === 0
    ? [
        queried({
          Id: randomUUID(),
          MetricStat: { Metric: { Namespace, MetricName, Dimensions }, Period, Stat: Statistic },
          ReturnData: true,
        }),
      ]
    : Metrics.map(queried);

const queried = ({ Id, Expression, Label, Period, MetricStat, ReturnData = true }: MetricDataQuery) => ({
  id: Id,
  ...(Expression !== undefined && { expression: Expression }),
  ...(Label !== undefined && { label: Label }),
  ...(MetricStat !== undefined && {
    metricStat: {
      metric: {
        namespace: MetricStat.Metric?.Namespace,
        name: MetricStat.Metric?.MetricName,
        dimensions: Object.fromEntries(
          (MetricStat.Metric?.Dimensions ?? []).map(({ Name = "", Value }) => [Name, Value]),
        ),
      },
      period: MetricStat.Period,
      stat: MetricStat.Stat,
    },
  }),
  returnData: ReturnData,
  ...(Period !== undefined && { period: Period }),
});

/** `2019-10-02T17:04:40.989+0000`. */
export const stamp = (at: Date): string => at.toISOString().replace("Z", "+0000");
