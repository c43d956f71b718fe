import { expect, test } from "vitest";
import { fleetAlarms, queryOf } from "../../../core/alarms/fleet.ts";
import { watchingAlarms } from "../../../core/alarms/watching.ts";
import { natA } from "../../../local/world.ts";

const fleet = fleetAlarms.map((alarm) => ({ name: `nat-medic-fleet-${alarm.what}`, query: queryOf(alarm) }));
const watching = (onMetric: string[] | null, onQueries: typeof fleet | null) =>
  watchingAlarms(onMetric, onQueries, "nat-medic-");

test("the fleet's alarm on a filling table watches every instance, its other alarms do not", () => {
  expect(watching([], fleet)).toEqual(["nat-medic-fleet-table-filling"]);
});

test("an alarm of silence does not notice a full table, one of somebody else's does", () => {
  expect(watching([`nat-medic-silent-${natA}`, "mine"], [])).toEqual(["mine"]);
  expect(watching([`nat-medic-silent-${natA}`], [])).toEqual([]);
});

test("what could not be asked is not known, unless one is known already", () => {
  expect(watching(null, [])).toBeNull();
  expect(watching([], null)).toBeNull();
  expect(watching(null, fleet)).toHaveLength(1);
  expect(watching(["mine"], null)).toEqual(["mine"]);
});

test("a query on some instances only is not on this one", () => {
  const query = `SELECT MAX(ConntrackUtilization) FROM SCHEMA("NatMedic", InstanceId) WHERE InstanceId = 'i-1' GROUP BY InstanceId ORDER BY MAX() DESC`;
  expect(watching([], [{ name: "a", query }])).toEqual([]);
});
