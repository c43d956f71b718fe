/** The recent history of metrics, and alarms. */
import {
  CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmContributorsCommand,
  DescribeAlarmsCommand,
  DescribeAlarmsForMetricCommand,
  type Dimension,
  type MetricAlarm,
  type MetricDataResult,
  paginateGetMetricData,
  ResourceNotFoundException,
  type Metric as SdkMetric,
} from "@aws-sdk/client-cloudwatch";
import type { QueryAlarm } from "../core/alarms/watching.ts";
import type { MetricHistory } from "../core/evidence/cloud.ts";
import type { Metric } from "../core/incident.ts";
import { type Attributes, type KnownAlarm, watchedMetric } from "../core/triage/questions.ts";
import { itemsOf } from "./pages.ts";
import { clientHere, patientAttempts } from "./place.ts";

const client = clientHere(CloudWatchClient, patientAttempts);

const hours = 3;
const periodSeconds = 60;
const daySeconds = 86_400;

export type Query = Metric & { stat: string };

/** Maximum per minute over the last three hours, oldest first. */
export async function historyOf(metric: Metric, now: Date): Promise<MetricHistory> {
  const [history] = await historiesOf([{ ...metric, stat: "Maximum" }], now);
  // CloudWatch withholds a result only where it failed itself.
  if (history === undefined) throw new Error(`CloudWatch gave no result for ${nameOf(metric)}`);
  return history;
}

/** Per minute over the last three hours, oldest first. One that CloudWatch could not read is left out. */
export async function historiesOf(queries: readonly Query[], now: Date): Promise<MetricHistory[]> {
  return await read(queries, {
    from: new Date(now.getTime() - hours * 3_600_000),
    to: now,
    period: periodSeconds,
  });
}

/**
 * Per day of UTC over the last whole `days`, oldest first: today is left out, since its highest is still to come. One
 * that CloudWatch could not read is left out. Data points of a minute are kept for fifteen days.
 */
export async function dailyHistoriesOf(
  queries: readonly Query[],
  now: Date,
  days: number,
): Promise<MetricHistory[]> {
  const midnight = Math.floor(now.getTime() / 1000 / daySeconds) * daySeconds;
  return await read(queries, {
    from: new Date((midnight - days * daySeconds) * 1000),
    to: new Date(midnight * 1000),
    period: daySeconds,
  });
}

type Span = { from: Date; to: Date /** Seconds. */; period: number };

async function read(queries: readonly Query[], { from, to, period }: Span): Promise<MetricHistory[]> {
  const pages = paginateGetMetricData(
    { client: client() },
    {
      StartTime: from,
      EndTime: to,
      ScanBy: "TimestampAscending",
      MetricDataQueries: queries.map(({ namespace, name, dimensions, stat }, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: period,
          Stat: stat,
        },
      })),
    },
  );
  // One metric may be spread over pages.
  const results = await itemsOf(pages, ({ MetricDataResults }) => MetricDataResults);
  return queries.flatMap((query, index) => {
    const parts = results.filter(({ Id }) => Id === `m${index}`);
    const readable = parts.length > 0 && parts.every(({ StatusCode }) => !failed.has(StatusCode ?? ""));
    return readable ? [{ name: nameOf(query), points: parts.flatMap(pointsOf) }] : [];
  });
}

/** API reference of MetricDataResult; "PartialData" and "Complete" have points. */
const failed: ReadonlySet<string> = new Set(["InternalError", "Forbidden"]);

const nameOf = ({ namespace, name }: Metric) => `${namespace}/${name}`;

const pointsOf = ({ Timestamps = [], Values = [] }: MetricDataResult): MetricHistory["points"] =>
  Timestamps.flatMap((at, index) => {
    const value = Values[index];
    if (value === undefined) return [];
    return [{ at: Math.round(at.getTime() / 1000), value: rounded(value) }];
  });

/** Seventeen digits of an average say no more than three, and there are many. */
const rounded = (value: number) => Math.round(value * 1000) / 1000;

/** Names of the alarms on exactly this metric; one on an expression of metrics is not among them. */
export async function alarmsOn({ namespace, name, dimensions }: Metric): Promise<string[]> {
  const { MetricAlarms = [] } = await client().send(
    new DescribeAlarmsForMetricCommand({
      Namespace: namespace,
      MetricName: name,
      Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
    }),
  );
  return MetricAlarms.flatMap(({ AlarmName }) => AlarmName ?? []);
}

/** Alarms on Metrics Insights queries whose names begin so, at most 100. */
export async function queryAlarms(prefix: string): Promise<QueryAlarm[]> {
  const { MetricAlarms = [] } = await client().send(
    new DescribeAlarmsCommand({ AlarmNamePrefix: prefix, AlarmTypes: ["MetricAlarm"], MaxRecords: 100 }),
  );
  return MetricAlarms.flatMap(({ AlarmName: name, Metrics = [] }) =>
    Metrics.flatMap(({ Expression: query }) =>
      name === undefined || query === undefined ? [] : [{ name, query }],
    ),
  );
}

/** `undefined` when there is no such alarm in this account and Region. `suppressed`: only composites' actions can be. */
export async function alarmState(name: string): Promise<{ state: string; suppressed: boolean } | undefined> {
  const { metric, composite } = await described([name]);
  const [alarm] = [...metric, ...composite];
  if (alarm === undefined) return undefined;
  const suppressed = composite.some(({ ActionsSuppressedBy }) => ActionsSuppressedBy !== undefined);
  return { state: alarm.StateValue ?? "INSUFFICIENT_DATA", suppressed };
}

/** What each of at most 100 alarms watches; null for one that does not exist in this account and Region. */
export async function describeAlarms(names: readonly string[]): Promise<Map<string, KnownAlarm | null>> {
  const { metric, composite } = await described(names);
  const known = new Map<string, KnownAlarm | null>(names.map((name) => [name, null]));
  for (const alarm of metric) known.set(alarm.AlarmName ?? "", knownMetricAlarm(alarm));
  for (const alarm of composite) known.set(alarm.AlarmName ?? "", knownComposite(alarm));
  return known;
}

async function described(names: readonly string[]) {
  const { MetricAlarms: metric = [], CompositeAlarms: composite = [] } = await client().send(
    new DescribeAlarmsCommand({
      AlarmNames: [...names],
      AlarmTypes: ["MetricAlarm", "CompositeAlarm"],
      MaxRecords: 100,
    }),
  );
  return { metric, composite };
}

function knownMetricAlarm(alarm: MetricAlarm): KnownAlarm {
  const { Metrics = [], MetricName, StateValue: state = "INSUFFICIENT_DATA" } = alarm;
  const metrics = Metrics.flatMap(({ MetricStat }) =>
    MetricStat?.Metric === undefined ? [] : watchedMetric(metricFrom(MetricStat.Metric), MetricStat.Stat),
  );
  return {
    state,
    watched: {
      // One of a single metric has it in fields of its own.
      metrics: MetricName === undefined ? metrics : [watchedMetric(metricFrom(alarm), alarm.Statistic)],
      expressions: Metrics.flatMap(({ Expression }) => Expression ?? []),
      composite: null,
    },
  };
}

const metricFrom = ({ Namespace = "", MetricName = "", Dimensions = [] }: SdkMetric): Metric => ({
  namespace: Namespace,
  name: MetricName,
  dimensions: Object.fromEntries(Dimensions.map(({ Name = "", Value = "" }: Dimension) => [Name, Value])),
});

function knownComposite({
  AlarmRule: rule = "",
  StateReasonData: reasonData = "",
  StateValue: state = "INSUFFICIENT_DATA",
}: CompositeAlarm): KnownAlarm {
  return { state, watched: { metrics: [], expressions: [], composite: { rule, reasonData } } };
}

/** The attributes of each series of the alarm that is in ALARM now: at most 100. None when there is no such alarm. */
export async function contributorsInAlarm(name: string): Promise<Attributes[]> {
  try {
    const attributes: Attributes[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client().send(new DescribeAlarmContributorsCommand({ AlarmName: name, NextToken }));
      attributes.push(
        ...(page.AlarmContributors ?? []).map(({ ContributorAttributes = {} }) => ContributorAttributes),
      );
      NextToken = page.NextToken;
    } while (NextToken !== undefined && attributes.length < mostContributors);
    return attributes.slice(0, mostContributors);
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return [];
    throw error;
  }
}

/** CloudWatch's own limit for one alarm. */
const mostContributors = 100;
