import { expect, test } from "vitest";
import { alarmsOn, dailyHistoriesOf, historiesOf, historyOf } from "../../aws/cloudwatch.ts";
import { natA } from "../../local/world.ts";
import { aroundUs } from "./around.ts";

const around = aroundUs();
const dimensions = { InstanceId: natA };
const credits = { namespace: "AWS/EC2", name: "CPUCreditBalance", dimensions };
const utilization = { namespace: "NatMedic", name: "ConntrackUtilization", dimensions };
const now = new Date("2026-11-20T12:00:30Z");
const put = (metricName: string, namespace: string, ...points: [secondsAgo: number, value: number][]) =>
  around.series.push({
    namespace,
    metricName,
    dimensions,
    points: points.map(([secondsAgo, value]) => ({ at: new Date(now.getTime() - secondsAgo * 1000), value })),
  });

test("several metrics are read in one question, each with its own statistic, oldest first", async () => {
  put("CPUCreditBalance", "AWS/EC2", [65, 3], [61, 5], [5, 0.123456]);
  put("ConntrackUtilization", "NatMedic", [65, 80], [61, 90]);
  const histories = await historiesOf(
    [
      { ...credits, stat: "Minimum" },
      { ...utilization, stat: "Maximum" },
      { ...utilization, namespace: "Nobody", stat: "Sum" },
    ],
    now,
  );
  const minute = Date.parse("2026-11-20T11:59:00Z") / 1000;
  expect(histories).toEqual([
    {
      name: "AWS/EC2/CPUCreditBalance",
      points: [
        { at: minute, value: 3 },
        { at: minute + 60, value: 0.123 },
      ],
    },
    { name: "NatMedic/ConntrackUtilization", points: [{ at: minute, value: 90 }] },
    { name: "Nobody/ConntrackUtilization", points: [] },
  ]);
  expect(around.requests()).toHaveLength(1);
});

test("of whole days the worst value each, and nothing of today, whose worst may be to come", async () => {
  const hours = (count: number) => count * 3600;
  put("ConntrackUtilization", "NatMedic", [hours(1), 99], [hours(13), 20], [hours(30), 40], [hours(35), 30]);
  put("EnaConntrackHeadroom", "NatMedic", [hours(13), 700], [hours(14), 500], [hours(24 * 15), 1]);
  const headroom = { namespace: "NatMedic", name: "EnaConntrackHeadroom", dimensions, stat: "Minimum" };
  const [table, flows, none] = await dailyHistoriesOf(
    [{ ...utilization, stat: "Maximum" }, headroom, { ...headroom, dimensions: {} }],
    now,
    14,
  );
  const yesterday = Date.parse("2026-11-19T00:00:00Z") / 1000;
  expect(table).toEqual({ name: "NatMedic/ConntrackUtilization", points: [{ at: yesterday, value: 40 }] });
  expect(flows?.points).toEqual([{ at: yesterday, value: 500 }]);
  expect(none?.points).toEqual([]);
});

test("what is older than three hours is not asked for", async () => {
  put("ConntrackUtilization", "NatMedic", [3 * 3600 + 120, 99], [3 * 3600 - 120, 50]);
  expect((await historyOf(utilization, now)).points.map(({ value }) => value)).toEqual([50]);
});

test("an alarm counts when it is on exactly this metric", async () => {
  expect(await alarmsOn(utilization)).toEqual(["nat-a-conntrack-utilization"]);
  expect(await alarmsOn({ ...utilization, dimensions: {} })).toEqual([]);
  expect(await alarmsOn({ ...utilization, name: "Other" })).toEqual([]);
  expect(await alarmsOn({ ...utilization, dimensions: { ...dimensions, Interface: "ens5" } })).toEqual([]);
});
