/** Which alarms are evaluated when, and what the watch tells of it. */
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AlarmEvent } from "../../../local/alarms/alarm-events.ts";
import { type AlarmStore, alarmStore } from "../../../local/alarms/alarm-store.ts";
import { evaluateAlarms, type Watch, watchAlarms } from "../../../local/alarms/watch.ts";
import type { MetricSeries } from "../../../local/endpoint/metric-series.ts";
import { type VirtualClock, virtualClock } from "../../../local/states/clock.ts";

const start = Date.UTC(2026, 10, 21, 10);
let clock: VirtualClock;
let events: AlarmEvent[];
let store: AlarmStore;
let series: MetricSeries[];
let watch: Watch | undefined;
beforeEach(() => {
  clock = virtualClock(start);
  events = [];
  series = [];
  watch = undefined;
  store = alarmStore({
    alarms: [{ AlarmName: "given", StateValue: "ALARM" }],
    place: { account: "123456789012", region: "eu-central-1" },
    now: clock.now,
    onEvent: (event) => {
      if (event["detail-type"] !== "CloudWatch Alarm Configuration Change") events.push(event);
    },
  });
});
afterEach(() => watch?.stop());

const publish = (InstanceId: string, value: number, everySeconds: number, seconds: number) =>
  series.push({
    namespace: "NatMedic",
    metricName: "Used",
    dimensions: { InstanceId },
    points: Array.from({ length: seconds / everySeconds }, (_, n) => ({
      at: new Date(start + n * everySeconds * 1000),
      value,
    })),
  });
const put = (AlarmName: string, Period: number) =>
  store.putMetric(
    {
      AlarmName,
      Namespace: "NatMedic",
      MetricName: "Used",
      Dimensions: [{ Name: "InstanceId", Value: "i-1" }],
      Statistic: "Maximum",
      Period,
      EvaluationPeriods: 1,
      Threshold: 80,
      ComparisonOperator: "GreaterThanThreshold",
    },
    new Map(),
  );
const told = () =>
  events.map(({ detail, time }) => [detail.alarmName, (Date.parse(time) - start) / 1000, detail.state]);

test("an alarm of ten seconds is evaluated each ten seconds, one of a minute each minute", async () => {
  publish("i-1", 90, 10, 120);
  put("quick", 10);
  put("slow", 60);
  watch = watchAlarms({ store, series, clock, working: clock.working });
  await expect.poll(() => events.length).toBeGreaterThanOrEqual(2);
  expect(told().slice(0, 2)).toMatchObject([
    ["quick", 12, { value: "ALARM" }],
    ["slow", 62, { value: "ALARM" }],
  ]);
});

test("an alarm that stays in its state is not told of again, and keeps its reason", () => {
  publish("i-1", 90, 10, 300);
  put("slow", 60);
  evaluateAlarms(store, series, start + 60_000);
  const before = store.find("slow")?.alarm;
  evaluateAlarms(store, series, start + 120_000);
  expect(store.find("slow")?.alarm).toEqual(before);
  expect(events).toHaveLength(1);
});

test("a state that was set by hand lasts until the next evaluation", () => {
  publish("i-1", 10, 10, 300);
  put("slow", 60);
  evaluateAlarms(store, series, start + 60_000);
  store.setState("slow", { value: "ALARM", reason: "a test" });
  evaluateAlarms(store, series, start + 120_000);
  expect(told().map(([, , state]) => (state as { value: string }).value)).toEqual(["OK", "ALARM", "OK"]);
});

test("alarms whose state somebody else decides are left alone", () => {
  evaluateAlarms(store, series, start + 60_000);
  expect(store.find("given")?.alarm.StateValue).toBe("ALARM");
  expect(events).toEqual([]);
});

test("of a fleet's alarm each instance is told of, then the alarm, which is told of once", () => {
  store.putMetric(
    {
      AlarmName: "fleet",
      Metrics: [
        {
          Id: "q",
          Expression: "SELECT MAX(Used) FROM NatMedic GROUP BY InstanceId ORDER BY MAX() DESC",
          Period: 60,
        },
      ],
      EvaluationPeriods: 1,
      Threshold: 80,
      ComparisonOperator: "GreaterThanThreshold",
    },
    new Map(),
  );
  publish("i-1", 90, 10, 120);
  evaluateAlarms(store, series, start + 60_000);
  publish("i-2", 95, 10, 120);
  evaluateAlarms(store, series, start + 120_000);
  evaluateAlarms(store, series, start + 600_000);
  expect(events.map(({ detail }) => [detail.alarmContributor, detail.state])).toMatchObject([
    [{ attributes: { InstanceId: "i-1" } }, { value: "ALARM" }],
    [undefined, { value: "ALARM", reason: "1 out of 1 time series evaluated to ALARM" }],
    [{ attributes: { InstanceId: "i-2" } }, { value: "ALARM" }],
    [{}, { value: "OK", reason: "No data was returned for this contributor" }],
    [{}, { value: "OK" }],
    [undefined, { value: "INSUFFICIENT_DATA" }],
  ]);
});

test("an evaluation that fails ends the watch, and whoever stops it is told", async () => {
  put("slow", 60);
  const broken = store.find("slow");
  if (broken?.kind === "metric") Object.assign(broken.alarm, { Statistic: "Median" });
  const failing = watchAlarms({ store, series, clock, working: clock.working });
  await expect.poll(() => clock.now()).toBeGreaterThan(start);
  await expect(failing.stop()).rejects.toThrow("statistic Median");
});
