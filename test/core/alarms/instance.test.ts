import { expect, test } from "vitest";
import type { KnownAlarm, MetricAlarm } from "../../../core/alarms/alarm.ts";
import { difference } from "../../../core/alarms/difference.ts";
import {
  type AlarmSettings,
  desiredAlarms,
  enrolmentSeconds,
  type WatchedInstance,
} from "../../../core/alarms/instance.ts";
import { natA } from "../../../local/world.ts";

const now = "2026-11-21T12:00:00.000Z";
const settings: AlarmSettings = {
  prefix: "nat-medic-",
  silent: true,
  highResolution: false,
  agent: false,
  composite: false,
  pagingTopic: null,
  utilizationThreshold: 80,
  lossThreshold: 10,
  allowanceThreshold: 20,
};
const instance: WatchedInstance = { instanceId: natA, agentMetrics: [], silent: undefined };
const desired = (changed: Partial<AlarmSettings> = {}, of: Partial<WatchedInstance> = {}) =>
  desiredAlarms({ ...instance, ...of }, { ...settings, ...changed }, now);
const silentIn = (of: Partial<WatchedInstance> = {}) => desired({}, of)[0] as MetricAlarm;

/** The alarm of silence as CloudWatch has it, written so many seconds ago. */
const knownSilent = (missing: MetricAlarm["missing"], state: string, secondsAgo: number): KnownAlarm => ({
  name: `nat-medic-silent-${natA}`,
  arn: `arn:aws:cloudwatch:eu-central-1:123456789012:alarm:nat-medic-silent-${natA}`,
  composite: false,
  alarm: { ...silentIn(), missing },
  state,
  writtenAt: new Date(Date.parse(now) - secondsAgo * 1000).toISOString(),
});

const counter = (name: string, iface: string, driver = "ena") => ({
  namespace: "CWAgent",
  name: `ethtool_${name}_allowance_exceeded`,
  dimensions: { InstanceId: natA, interface: iface, driver },
});

test("by default an instance has one alarm: that it says nothing", () => {
  expect(desired()).toEqual([
    expect.objectContaining({
      name: `nat-medic-silent-${natA}`,
      metrics: [
        {
          id: "m1",
          metric: {
            namespace: "NatMedic",
            name: "ConntrackUtilization",
            dimensions: { InstanceId: natA },
          },
          statistic: "SampleCount",
        },
      ],
      comparison: "LessThanThreshold",
      threshold: 1,
      breaching: 5,
      of: 5,
    }),
  ]);
});

test("silence before the first word is no alarm", () => {
  expect(silentIn().missing).toBe("missing");
  expect(silentIn({ silent: knownSilent("missing", "INSUFFICIENT_DATA", 60) }).missing).toBe("missing");
});

test.each([
  ["the instance has published", knownSilent("missing", "OK", 60)],
  ["its enrolment has had its time", knownSilent("missing", "INSUFFICIENT_DATA", enrolmentSeconds)],
  ["it is an alarm already, whatever its state", knownSilent("breaching", "INSUFFICIENT_DATA", 60)],
  ["it goes off", knownSilent("breaching", "ALARM", 60)],
])("silence is an alarm as soon as %s", (_, silent) => {
  expect(silentIn({ silent }).missing).toBe("breaching");
});

test("an alarm of silence that somebody has bent learns anew", () => {
  expect(silentIn({ silent: { ...knownSilent("breaching", "OK", 9999), alarm: null } }).missing).toBe(
    "missing",
  );
});

test("an alarm every ten seconds judges losses of ten seconds", () => {
  const failing = desired({ highResolution: true })[1] as MetricAlarm;
  expect(failing).toMatchObject({
    name: `nat-medic-failing-${natA}`,
    periodSeconds: 10,
    breaching: 3,
    of: 6,
  });
  expect(failing.expression).toBe("(u >= 80) + (FILL(d, 0) >= 2) + (FILL(f, 1) < 1)");
  const slow = desired({ composite: true })[1] as MetricAlarm;
  expect(slow.periodSeconds).toBe(60);
  expect(slow.expression).toContain("FILL(d, 0) >= 10");
});

test("the agent's counters are judged by their growth, ten in one alarm", () => {
  const names = ["bw_in", "bw_out", "pps", "conntrack", "linklocal"];
  const agentMetrics = ["ens7", "ens5", "ens6"].flatMap((name) => names.map((each) => counter(each, name)));
  const alarms = desired({ silent: false, agent: true }, { agentMetrics }) as MetricAlarm[];
  expect(alarms.map(({ name }) => name)).toEqual([`nat-medic-ena1-${natA}`, `nat-medic-ena2-${natA}`]);
  expect(alarms.map(({ metrics }) => metrics.length)).toEqual([10, 5]);
  expect(alarms[0]?.metrics[0]?.metric.dimensions.interface).toBe("ens5");
  expect(alarms[1]?.expression).toBe(
    "(FILL(RATE(m1), 0) + FILL(RATE(m2), 0) + FILL(RATE(m3), 0) + FILL(RATE(m4), 0) + FILL(RATE(m5), 0)) * 60",
  );
});

test("after an interface is renamed the alarm watches it by its new name", () => {
  const before = desired({ agent: true }, { agentMetrics: [counter("pps", "eth0")] });
  const after = desired({ agent: true }, { agentMetrics: [counter("pps", "ens5")] });
  const known = before.map((alarm) => ({ ...knownSilent("missing", "OK", 60), name: alarm.name, alarm }));
  const { put, remove } = difference(after, known);
  expect(put.map(({ alarm }) => alarm.name)).toEqual([`nat-medic-ena1-${natA}`]);
  expect(remove).toEqual([]);
});

test("without counters of the agent there is no alarm on them", () => {
  expect(desired({ agent: true })).toHaveLength(1);
});

test("the composite alarm is over the others, and comes after them", () => {
  const all = desired({ composite: true, pagingTopic: "arn:aws:sns:eu-central-1:123456789012:pager" });
  expect(all.at(-1)).toMatchObject({
    kind: "composite",
    name: `nat-medic-any-${natA}`,
    rule: `ALARM("nat-medic-silent-${natA}") OR ALARM("nat-medic-failing-${natA}")`,
    actions: ["arn:aws:sns:eu-central-1:123456789012:pager"],
  });
});
