/** From stored measurements to the state of an alarm, its reason, and its contributors. */
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { expect, test } from "vitest";
import { evaluateAlarm } from "../../../local/alarms/evaluate.ts";
import type { MetricSeries } from "../../../local/endpoint/metric-series.ts";

const start = Date.UTC(2026, 10, 21, 10);
const minute = 60_000;
const metric = (InstanceId: string, values: (number | undefined)[], stepMs = minute): MetricSeries => ({
  namespace: "NatMedic",
  metricName: "Used",
  dimensions: { InstanceId },
  points: values.flatMap((value, n) =>
    value === undefined ? [] : [{ at: new Date(start + n * stepMs + 1000), value }],
  ),
});
const compared = {
  AlarmName: "a",
  EvaluationPeriods: 3,
  DatapointsToAlarm: 2,
  Threshold: 80,
  ComparisonOperator: "GreaterThanOrEqualToThreshold",
} as const;
const single: MetricAlarm = {
  ...compared,
  Namespace: "NatMedic",
  MetricName: "Used",
  Dimensions: [{ Name: "InstanceId", Value: "i-1" }],
  Statistic: "Maximum",
  Period: 60,
};
/** After so many whole minutes. */
const after = (minutes: number) => start + minutes * minute;

test("two of three values at the threshold are an alarm, whose reason names them", () => {
  const verdict = evaluateAlarm(single, [metric("i-1", [10, 85, 20, 90.5])], after(4) + 12_000);
  expect(verdict).toMatchObject({
    kind: "one",
    state: "ALARM",
    reason:
      "Threshold Crossed: 2 out of the last 3 datapoints [90.5 (21/11/26 10:03:00), 85.0 (21/11/26 10:01:00)] were greater than or equal to the threshold (80.0) (minimum 2 datapoints for OK -> ALARM transition).",
  });
  expect(verdict.kind === "one" && JSON.parse(verdict.reasonData)).toEqual({
    version: "1.0",
    queryDate: "2026-11-21T10:04:12.000+0000",
    startDate: "2026-11-21T10:01:00.000+0000",
    statistic: "Maximum",
    period: 60,
    recentDatapoints: [85, 20, 90.5],
    threshold: 80,
    evaluatedDatapoints: [
      { timestamp: "2026-11-21T10:03:00.000+0000", value: 90.5 },
      { timestamp: "2026-11-21T10:02:00.000+0000", value: 20 },
      { timestamp: "2026-11-21T10:01:00.000+0000", value: 85 },
    ],
  });
});

test("a minute that is not over does not count", () => {
  const series = [metric("i-1", [90, 10, 90])];
  expect(evaluateAlarm(single, series, after(2) + 30_000)).toMatchObject({ state: "OK" });
  expect(evaluateAlarm(single, series, after(3))).toMatchObject({ state: "ALARM" });
});

test("an alarm that is not says which values were not", () => {
  expect(evaluateAlarm(single, [metric("i-1", [10, 20, 30])], after(3))).toMatchObject({
    state: "OK",
    reason: expect.stringContaining(
      "were not greater than or equal to the threshold (80.0) (minimum 2 datapoints for ALARM -> OK transition).",
    ),
  });
});

test.each([
  [undefined, "INSUFFICIENT_DATA", "Insufficient Data: 3 datapoints were unknown."],
  ["missing", "INSUFFICIENT_DATA", "Insufficient Data: 3 datapoints were unknown."],
  [
    "breaching",
    "ALARM",
    "Threshold Crossed: no datapoints were received for 3 periods, and missing ones were treated as [Breaching].",
  ],
  [
    "notBreaching",
    "OK",
    "Threshold Crossed: no datapoints were received for 3 periods, and missing ones were treated as [NonBreaching].",
  ],
  ["ignore", "retain", ""],
])("without any data, which are treated as %s, the state is %s", (TreatMissingData, state, reason) => {
  const verdict = evaluateAlarm({ ...single, TreatMissingData }, [], after(3));
  expect(verdict).toMatchObject({ state, reason });
});

test("a period of ten seconds sees what a minute hides", () => {
  const series = [metric("i-1", [0, 0, 0, 0, 90, 90, 0], 10_000)];
  const quick = { ...single, Period: 10, Statistic: "Average" } as const;
  expect(evaluateAlarm(quick, series, start + 60_000)).toMatchObject({ state: "ALARM" });
  expect(evaluateAlarm({ ...single, Statistic: "Average" }, series, after(1))).toMatchObject({ state: "OK" });
});

test("a period of five minutes slides by one", () => {
  const slow = { ...single, Period: 300, EvaluationPeriods: 1, DatapointsToAlarm: 1 };
  const series = [metric("i-1", [0, 0, 90])];
  expect(evaluateAlarm(slow, series, after(7))).toMatchObject({
    state: "ALARM",
    reasonData: expect.stringContaining('"startDate":"2026-11-21T10:02:00.000+0000"'),
  });
  expect(evaluateAlarm(slow, series, after(8))).toMatchObject({ state: "ALARM" });
});

const stat = (id: string, InstanceId: string) => ({
  Id: id,
  ReturnData: false,
  MetricStat: {
    Metric: {
      Namespace: "NatMedic",
      MetricName: "Used",
      Dimensions: [{ Name: "InstanceId", Value: InstanceId }],
    },
    Period: 60,
    Stat: "Maximum",
  },
});

test("an expression may use another, and RATE the value before the window", () => {
  const alarm: MetricAlarm = {
    ...compared,
    Threshold: 1,
    Metrics: [
      { Id: "e1", Expression: "FILL(e2, 0) * 60" },
      { Id: "e2", Expression: "RATE(m1)", ReturnData: false },
      stat("m1", "i-1"),
    ],
  };
  const counter = metric("i-1", [100, 100, 160, 220, 220, 220]);
  expect(evaluateAlarm(alarm, [counter], after(5))).toMatchObject({
    state: "ALARM",
    reasonData: expect.stringContaining('"recentDatapoints":[60,60,0]'),
  });
  expect(evaluateAlarm(alarm, [counter], after(6))).toMatchObject({ state: "OK" });
});

test("an expression that gives no single series is refused", () => {
  const Metrics = [{ Id: "e", Expression: "METRICS()" }, stat("m1", "i-1")];
  expect(() => evaluateAlarm({ ...compared, Metrics }, [], after(3))).toThrow("a single time series");
});

const fleet: MetricAlarm = {
  ...compared,
  TreatMissingData: "notBreaching",
  Metrics: [
    {
      Id: "q1",
      Expression:
        'SELECT MAX(Used) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId ORDER BY MAX() DESC',
      Period: 60,
    },
  ],
};

test("each series of a query is a contributor with a state of its own", () => {
  const series = [metric("i-1", [90, 90, 90]), metric("i-2", [1, 1, 90]), metric("i-3", [90, 85])];
  const verdict = evaluateAlarm(fleet, series, after(3));
  expect(verdict).toMatchObject({
    kind: "several",
    state: "ALARM",
    reason: "2 out of 3 time series evaluated to ALARM",
    active: [
      {
        id: expect.stringMatching(/^[0-9a-f]{16}$/),
        attributes: { InstanceId: "i-1" },
        reason:
          "Threshold Crossed: 3 datapoints were greater than or equal to the threshold (80.0). The most recent datapoint which crossed the threshold: [90.0 (21/11/26 10:02:00)].",
      },
      { attributes: { InstanceId: "i-3" } },
    ],
    partial: false,
  });
});

test("a contributor that is well again, and one that is gone, say so", () => {
  const was = evaluateAlarm(fleet, [metric("i-1", [90, 90]), metric("i-2", [90, 90])], after(2));
  if (was.kind !== "several") throw new Error("contributors are expected");
  const [first, second] = was.active;
  if (first === undefined || second === undefined) throw new Error("two are expected");
  const now = evaluateAlarm(fleet, [metric("i-1", [90, 90, 1, 1, 1])], after(5));
  expect(now).toMatchObject({ state: "OK", active: [], reason: "0 out of 1 time series evaluated to ALARM" });
  if (now.kind !== "several") throw new Error("contributors are expected");
  expect(now.okReason(first)).toContain("3 datapoints were not greater than or equal");
  expect(now.okReason(second)).toBe("No data was returned for this contributor");
});

test("a query that finds nothing has insufficient data, whatever missing data are treated as", () => {
  for (const TreatMissingData of ["breaching", "notBreaching", "ignore"]) {
    const verdict = evaluateAlarm({ ...fleet, TreatMissingData }, [], after(3));
    expect(verdict).toMatchObject({ state: "INSUFFICIENT_DATA", active: [] });
  }
});

test("a contributor keeps its state where missing data are ignored", () => {
  const alarm = { ...fleet, TreatMissingData: "ignore" };
  const series = [metric("i-1", [90, 90])];
  const was = evaluateAlarm(alarm, series, after(2));
  const ids = was.kind === "several" ? was.active.map(({ id }) => id) : [];
  const silent = [metric("i-1", [undefined, undefined, 90])];
  const state = (active: string[]) => evaluateAlarm(alarm, silent, after(3), new Set(active));
  expect(state(ids)).toMatchObject({ state: "ALARM" });
  expect(state([])).toMatchObject({ state: "OK" });
});

test("more than a hundred contributors are cut, and said to be more", () => {
  const many = Array.from({ length: 105 }, (_, n) => metric(`i-${n}`, [90, 90]));
  const verdict = evaluateAlarm(fleet, many, after(2));
  expect(verdict).toMatchObject({ state: "ALARM", reason: "100+ time series evaluated to ALARM" });
  expect(verdict.kind === "several" && verdict.active).toHaveLength(100);
});

test("a query without groups is one series", () => {
  const Metrics = [{ Id: "q", Expression: "SELECT AVG(Used) FROM NatMedic", Period: 60 }];
  const series = [metric("i-1", [100, 100]), metric("i-2", [60, 60])];
  expect(evaluateAlarm({ ...compared, Metrics }, series, after(2))).toMatchObject({
    kind: "one",
    state: "ALARM",
  });
});
