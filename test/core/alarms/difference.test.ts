import { expect, test } from "vitest";
import type { Alarm, KnownAlarm } from "../../../core/alarms/alarm.ts";
import { difference } from "../../../core/alarms/difference.ts";

const metric = (name: string, threshold = 1): Alarm => ({
  kind: "metric",
  name,
  description: "",
  metrics: [
    {
      id: "m1",
      metric: { namespace: "CWAgent", name: "n", dimensions: { InstanceId: "i-1", driver: "ena" } },
      statistic: "Maximum",
    },
  ],
  expression: null,
  periodSeconds: 60,
  comparison: "LessThanThreshold",
  threshold,
  breaching: 5,
  of: 5,
  missing: "breaching",
});
const composite = (name: string): Alarm => ({
  kind: "composite",
  name,
  description: "",
  rule: "",
  actions: [],
});
const known = (alarm: Alarm): KnownAlarm => ({
  name: alarm.name,
  arn: `arn:${alarm.name}`,
  composite: alarm.kind === "composite",
  alarm,
  state: "OK",
  writtenAt: "2026-11-21T12:00:00Z",
});

test("what is as it ought to be is left alone, whatever the order of dimensions", () => {
  const there = metric("a") as Alarm & { kind: "metric" };
  const [one] = there.metrics;
  const turned = {
    ...there,
    metrics: [{ ...one, metric: { ...one?.metric, dimensions: { driver: "ena", InstanceId: "i-1" } } }],
  } as Alarm;
  expect(difference([metric("a")], [known(turned)])).toEqual({ put: [], remove: [], removeAfter: [] });
});

test("what is missing is made, what is different is written anew, what is too much goes", () => {
  const { put, remove } = difference(
    [metric("new"), metric("changed", 2), metric("same")],
    [known(metric("changed")), known(metric("same")), known(metric("old-i-1"))],
  );
  expect(put.map(({ alarm, replaces }) => [alarm.name, replaces?.name])).toEqual([
    ["new", undefined],
    ["changed", "changed"],
  ]);
  expect(remove.map(({ name }) => name)).toEqual(["old-i-1"]);
});

test("an alarm of a shape that we do not make is written anew", () => {
  const { put } = difference([metric("a")], [{ ...known(metric("a")), alarm: null }]);
  expect(put).toHaveLength(1);
});

test("what an instance no more needs goes last, what has no instance any more goes first", () => {
  const one = "i-0a1b2c3d4e5f67890";
  const gone = "i-0b1b2c3d4e5f67890";
  const { remove, removeAfter } = difference(
    [metric(`nat-silent-${one}`)],
    [known(metric(`nat-ena1-${one}`)), known(metric(`nat-silent-${gone}`))],
  );
  expect(remove.map(({ name }) => name)).toEqual([`nat-silent-${gone}`]);
  expect(removeAfter.map(({ name }) => name)).toEqual([`nat-ena1-${one}`]);
});

test("a composite alarm comes last when it is made, and first when it goes", () => {
  const both = [composite("any"), metric("a")];
  expect(difference(both, []).put.map(({ alarm }) => alarm.name)).toEqual(["a", "any"]);
  const there = [known(metric("a")), known(composite("any"))];
  expect(difference([], there).remove.map(({ name }) => name)).toEqual(["any", "a"]);
});
