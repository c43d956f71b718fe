import { describe, expect, test } from "vitest";
import { instancesIn, isGrouped, metricOf } from "../../../core/triage/query.ts";

const dimensions = { InstanceId: "i-0a1b2c3d4e5f67890" };

describe("the metric of a query", () => {
  test.each([
    ['SELECT MAX(ConntrackUtilization) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId', "NatMedic"],
    ["select max(ConntrackUtilization) from NatMedic group by InstanceId", "NatMedic"],
    ['SELECT AVG("ConntrackUtilization") FROM "CWAgent/System" GROUP BY InstanceId', "CWAgent/System"],
    [
      '\n  SELECT SUM(ConntrackUtilization)\n  FROM "fck-nat"\n  GROUP  BY InstanceId ORDER BY MAX() DESC',
      "fck-nat",
    ],
    ["SELECT MAX(ConntrackUtilization) FROM SCHEMA(NatMedic, InstanceId)", "NatMedic"],
  ])("%s", (query, namespace) => {
    expect(metricOf(query, dimensions)).toEqual({ namespace, name: "ConntrackUtilization", dimensions });
  });

  test.each(["RATE(m1)", "ANOMALY_DETECTION_BAND(m1, 2)", "", "SELECT", "SELECT MAX(x) FROM"])(
    "%j is no query of one",
    (expression) => {
      expect(metricOf(expression, dimensions)).toBeNull();
      expect(isGrouped(expression)).toBe(false);
    },
  );
});

test("only a query that groups makes a series for each", () => {
  expect(isGrouped("SELECT MAX(x) FROM NatMedic GROUP BY InstanceId")).toBe(true);
  expect(isGrouped("SELECT MAX(x) FROM NatMedic")).toBe(false);
  expect(isGrouped("SUM(METRICS())")).toBe(false);
});

test("instances that a condition names are found, and nothing that only looks like one", () => {
  const query = "SELECT MAX(x) FROM CWAgent WHERE InstanceId = 'i-0a1b2c3d4e5f67890' AND host = 'i-1234'";
  expect(instancesIn(query)).toEqual(["i-0a1b2c3d4e5f67890"]);
});
