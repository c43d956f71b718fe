/** The local CloudWatch tells EventBridge in the same shapes as the examples in `events/`, which AWS documents. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { root } from "../../../build/layout.ts";
import type { AlarmEvent } from "../../../local/alarms/alarm-events.ts";
import { alarmStore } from "../../../local/alarms/alarm-store.ts";
import { evaluateAlarms } from "../../../local/alarms/watch.ts";

const start = Date.UTC(2026, 10, 20, 3, 10);
const InstanceId = "i-0a1b2c3d4e5f67890";
const example = (name: string): object =>
  JSON.parse(readFileSync(join(root, "events", `${name}.json`), "utf8"));

/** Where the values are, and of which form; texts by their pattern where they have one. */
const shapeOf = (value: unknown, path = ""): Record<string, string> => {
  if (path.endsWith(".reasonData")) return shapeOf(JSON.parse(value as string), `${path}:`);
  if (Array.isArray(value)) {
    if (value.length === 0) return { [`${path}[]`]: "empty" };
    return Object.assign({}, ...value.map((item) => shapeOf(item, `${path}[]`)));
  }
  if (typeof value === "object" && value !== null)
    return Object.assign({}, ...Object.entries(value).map(([key, item]) => shapeOf(item, `${path}.${key}`)));
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value))
    return { [path]: value.replace(/\d/g, "9") };
  return { [path]: typeof value };
};

/** Events of one alarm on the table, a fleet's alarm and a composite, from their creation until they go off. */
const told = (): AlarmEvent[] => {
  let now = start;
  const events: AlarmEvent[] = [];
  const store = alarmStore({
    place: { account: "123456789012", region: "eu-central-1" },
    now: () => now,
    onEvent: (event) => events.push(event),
  });
  const series = [
    {
      namespace: "NatMedic",
      metricName: "ConntrackUtilization",
      dimensions: { InstanceId },
      points: [{ at: new Date(start + 61_000), value: 100 }],
    },
  ];
  const compared = {
    AlarmDescription: "Connection tracking table",
    EvaluationPeriods: 1,
    Threshold: 80,
    ComparisonOperator: "GreaterThanOrEqualToThreshold",
    TreatMissingData: "notBreaching",
  } as const;
  const single: MetricAlarm = {
    ...compared,
    AlarmName: "single",
    Namespace: "NatMedic",
    MetricName: "ConntrackUtilization",
    Dimensions: [{ Name: "InstanceId", Value: InstanceId }],
    Statistic: "Maximum",
    Period: 60,
  };
  store.putMetric(single, new Map());
  store.putMetric({ ...single, Threshold: 70 }, new Map());
  const Expression =
    'SELECT MAX(ConntrackUtilization) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId ORDER BY MAX() DESC';
  store.putMetric(
    { ...compared, AlarmName: "fleet", Metrics: [{ Id: "m1", Expression, Period: 60 }] },
    new Map(),
  );
  store.putComposite({ AlarmName: "composite", AlarmRule: "ALARM(single)" }, new Map());
  for (const minutes of [1, 2]) {
    now = start + minutes * 60_000 + 44_394;
    evaluateAlarms(store, series, now);
  }
  return events;
};

const last = (alarmName: string, kind = "CloudWatch Alarm State Change"): object =>
  told().findLast((event) => event.detail.alarmName === alarmName && event["detail-type"] === kind) ?? {};

test.each([
  ["single", "alarm-conntrack-utilization", "CloudWatch Alarm State Change"],
  ["fleet", "alarm-multi-series", "CloudWatch Alarm State Change"],
  ["fleet", "alarm-contributor", "CloudWatch Alarm Contributor State Change"],
  ["composite", "alarm-composite", "CloudWatch Alarm State Change"],
  ["single", "alarm-configuration-change", "CloudWatch Alarm Configuration Change"],
])("the event of the alarm %s has the shape of %s", (alarmName, name, kind) => {
  const ours = shapeOf(last(alarmName, kind));
  const theirs = shapeOf(example(name));
  // Parts that an event may have or not: a previous state without data, and what is not played here.
  const optional = /previousState\.reasonData|sampleCount|actionsSuppress|\.statistic$/;
  const needed = (shape: Record<string, string>) =>
    Object.fromEntries(Object.entries(shape).filter(([path]) => !optional.test(path)));
  expect(needed(ours)).toEqual(needed(theirs));
});
