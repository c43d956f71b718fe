/** The template's alarms on NAT Medic itself, evaluated as CloudWatch documents it. */
import { join } from "node:path";
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { evaluateAlarm } from "../../local/alarms/evaluate.ts";
import { templateAlarms } from "../../local/alarms/template-alarms.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";

const alarms = templateAlarms({
  file: join(root, "template.yaml"),
  stackName: "nat-medic",
  place: { account: "123456789012", region: "eu-central-1" },
})
  .map(({ input }): MetricAlarm => input)
  .filter(({ AlarmName = "" }) => AlarmName.startsWith("pipeline-nat-medic-"));
const alarm = (what: string): MetricAlarm => {
  const found = alarms.find(({ AlarmName }) => AlarmName === `pipeline-nat-medic-${what}`);
  if (found === undefined) throw new Error(`no alarm ${what}`);
  return found;
};

const hour = 3_600_000;
const now = Date.UTC(2026, 10, 21, 12);
const stateOf = (watched: MetricAlarm, series: MetricSeries[] = [], at = now) => {
  const verdict = evaluateAlarm(watched, series, at);
  return verdict.state;
};

/** Each metric that an alarm looks at, with one value a little while ago. */
const metricsOf = (
  { Metrics, Namespace, MetricName, Dimensions }: MetricAlarm,
  value: number,
): MetricSeries[] =>
  (
    Metrics?.flatMap(({ MetricStat }) => MetricStat?.Metric ?? []) ?? [{ Namespace, MetricName, Dimensions }]
  ).map((metric) => ({
    namespace: metric.Namespace ?? "",
    metricName: metric.MetricName ?? "",
    dimensions: Object.fromEntries(
      (metric.Dimensions ?? []).map(({ Name, Value }) => [Name ?? "", Value ?? ""]),
    ),
    points: [0, 1, 2].map((step) => ({ at: new Date(now - 60_000 - step * 300_000), value })),
  }));
const onTrouble = alarms.filter(({ AlarmName = "" }) => !AlarmName.endsWith("daily-look-missing"));

test("a new stack, of which nothing is measured yet, begins in no alarm", () => {
  expect(alarms.length).toBeGreaterThanOrEqual(7);
  for (const watched of alarms) expect(stateOf(watched), watched.AlarmName).not.toBe("ALARM");
});

test.each(
  onTrouble.flatMap((watched) =>
    metricsOf(watched, 1).map(
      (series) => [watched.AlarmName, series.metricName, series.dimensions, watched, series] as const,
    ),
  ),
)("%s goes off by %s %o alone, and is quiet at 0", (_, __, ___, watched, series) => {
  expect(stateOf(watched, [series])).toBe("ALARM");
  const calm = metricsOf(watched, 0);
  expect(stateOf(watched, calm)).toBe("OK");
});

test("a daily look that stays away is told by the lack of data, and one a day keeps it quiet", () => {
  const missing = alarm("daily-look-missing");
  expect(missing.InsufficientDataActions).toHaveLength(1);
  expect(missing.AlarmActions).toBeUndefined();
  const looked = (at: number): MetricSeries[] => [
    {
      namespace: "NatMedicPipeline",
      metricName: "DailyLookDone",
      dimensions: { service: "nat-medic" },
      points: [{ at: new Date(at), value: 1 }],
    },
  ];
  expect(stateOf(missing, looked(now - 1 * hour))).toBe("OK");
  expect(stateOf(missing, looked(now - 24.5 * hour))).toBe("OK");
  // CloudWatch looks a few periods further back where data are missing.
  expect(stateOf(missing, looked(now - 32 * hour))).toBe("INSUFFICIENT_DATA");
  expect(stateOf(missing)).toBe("INSUFFICIENT_DATA");
});

test("what waits undelivered keeps its alarm when the queue falls silent", () => {
  expect(stateOf(alarm("events-undelivered"))).toBe("retain");
});
