/** The recent history of one metric, and the state of an alarm. */
import { CloudWatchClient, DescribeAlarmsCommand, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import type { MetricHistory } from "../core/evidence/cloud.ts";
import type { Metric } from "../core/incident.ts";

const client = new CloudWatchClient({ maxAttempts: 5 });

const hours = 3;
const periodSeconds = 60;

/** Maximum per minute over the last three hours, oldest first. */
export async function historyOf(metric: Metric, now: Date): Promise<MetricHistory> {
  const { namespace, name, dimensions } = metric;
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: new Date(now.getTime() - hours * 3_600_000),
      EndTime: now,
      ScanBy: "TimestampAscending",
      MetricDataQueries: [
        {
          Id: "history",
          MetricStat: {
            Metric: {
              Namespace: namespace,
              MetricName: name,
              Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
            },
            Period: periodSeconds,
            Stat: "Maximum",
          },
        },
      ],
    }),
  );
  const { Timestamps = [], Values = [] } = MetricDataResults[0] ?? {};
  return {
    name: `${namespace}/${name}`,
    points: Timestamps.flatMap((at, index) => {
      const value = Values[index];
      return value === undefined ? [] : [{ at: Math.round(at.getTime() / 1000), value }];
    }),
  };
}

/** `undefined` when there is no such alarm in this account and Region. */
export async function alarmState(name: string): Promise<string | undefined> {
  const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(
    new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
  );
  return [...MetricAlarms, ...CompositeAlarms][0]?.StateValue;
}
