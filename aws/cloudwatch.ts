/** The recent history of metrics, and alarms. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  DescribeAlarmsForMetricCommand,
  type MetricDataResult,
  paginateGetMetricData,
} from "@aws-sdk/client-cloudwatch";
import type { MetricHistory } from "../core/evidence/cloud.ts";
import type { Metric } from "../core/incident.ts";
import { itemsOf } from "./pages.ts";
import { clientHere } from "./place.ts";

const client = clientHere(CloudWatchClient);

const hours = 3;
const periodSeconds = 60;

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
  const pages = paginateGetMetricData(
    { client: client() },
    {
      StartTime: new Date(now.getTime() - hours * 3_600_000),
      EndTime: now,
      ScanBy: "TimestampAscending",
      MetricDataQueries: queries.map(({ namespace, name, dimensions, stat }, index) => ({
        Id: `m${index}`,
        MetricStat: {
          Metric: {
            Namespace: namespace,
            MetricName: name,
            Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
          },
          Period: periodSeconds,
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

/** `undefined` when there is no such alarm in this account and Region. */
export async function alarmState(name: string): Promise<string | undefined> {
  const { MetricAlarms = [], CompositeAlarms = [] } = await client().send(
    new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
  );
  return [...MetricAlarms, ...CompositeAlarms][0]?.StateValue;
}
