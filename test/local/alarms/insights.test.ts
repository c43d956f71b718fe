/** Metrics Insights: the documented grammar, and what a query finds. */
import { expect, test } from "vitest";
import { runInsights } from "../../../local/alarms/insights.ts";
import { parseInsightsQuery } from "../../../local/alarms/insights-query.ts";

test("a query has its parts, keywords in any case and names as they are", () => {
  expect(
    parseInsightsQuery(
      `select max(ConntrackUtilization) FROM SCHEMA("NatMedic", InstanceId, "Odd-Name")
       where Zone = 'a b' and InstanceId != 'i-1' Group By InstanceId, Zone order by SUM() desc limit 10`,
    ),
  ).toEqual({
    aggregate: "MAX",
    metricName: "ConntrackUtilization",
    namespace: "NatMedic",
    dimensions: ["InstanceId", "Odd-Name"],
    where: [
      { dimension: "Zone", equal: true, value: "a b" },
      { dimension: "InstanceId", equal: false, value: "i-1" },
    ],
    groupBy: ["InstanceId", "Zone"],
    orderBy: { aggregate: "SUM", descending: true },
    limit: 10,
  });
});

test("without its optional parts a query is about everything in a namespace", () => {
  expect(parseInsightsQuery('SELECT AVG(CPUUtilization) FROM "AWS/EC2"')).toEqual({
    aggregate: "AVG",
    metricName: "CPUUtilization",
    namespace: "AWS/EC2",
    dimensions: undefined,
    where: [],
    groupBy: [],
    orderBy: undefined,
    limit: undefined,
  });
});

test.each([
  "SELECT MEDIAN(x) FROM y",
  "SELECT MAX(x)",
  "SELECT MAX(x) FROM AWS/EC2",
  "SELECT MAX(x) FROM y WHERE a > 'b'",
  "SELECT MAX(x) FROM y WHERE a = b",
  "SELECT MAX(x) FROM y WHERE a = 'b' OR c = 'd'",
  "SELECT MAX(x) FROM y ORDER BY MAX(x)",
  "SELECT MAX(x) FROM y LIMIT 501",
  "SELECT MAX(x) FROM y LIMIT 10 GROUP BY z",
])("%s is refused", (query) => {
  expect(() => parseInsightsQuery(query)).toThrow(expect.objectContaining({ name: "InvalidExpression" }));
});

test("a condition on a resource tag is not evaluated here, and says so", () => {
  expect(() => parseInsightsQuery("SELECT MAX(x) FROM y WHERE tag.env = 'prod'")).toThrow(
    expect.objectContaining({ name: "ExpressionNotKnown" }),
  );
});

const start = Date.UTC(2026, 10, 21, 10);
const grid = { end: start + 180_000, periodMs: 60_000, count: 3 };
const metric = (dimensions: Record<string, string>, ...values: number[]) => ({
  namespace: "NatMedic",
  metricName: "Used",
  dimensions,
  points: values.map((value, minute) => ({ at: new Date(start + minute * 60_000 + 5000), value })),
});
const stored = [
  metric({ InstanceId: "i-1" }, 10, 20, 30),
  metric({ InstanceId: "i-2" }, 90),
  metric({ InstanceId: "i-1", Zone: "a" }, 7, 7),
  metric({}, 1, 1, 1),
  { ...metric({ InstanceId: "i-3" }, 99), namespace: "Other" },
  { ...metric({ InstanceId: "i-4" }), points: [{ at: new Date(start - 1000), value: 99 }] },
];
const found = (query: string) =>
  runInsights(parseInsightsQuery(query), stored, grid).found.map(({ attributes, series }) => [
    Object.values(attributes).join("/"),
    ...[0, 1, 2].map((slot) => series.get(slot)),
  ]);

test.each([
  [
    'SELECT MAX(Used) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId ORDER BY MAX() DESC',
    [
      ["i-2", 90, undefined, undefined],
      ["i-1", 10, 20, 30],
    ],
  ],
  [
    'SELECT MAX(Used) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId ORDER BY MAX() ASC LIMIT 1',
    [["i-1", 10, 20, 30]],
  ],
  [
    "SELECT SUM(Used) FROM NatMedic GROUP BY InstanceId ORDER BY SUM() DESC",
    [
      ["i-2", 90, undefined, undefined],
      ["i-1", 17, 27, 30],
      ["Other", 1, 1, 1],
    ],
  ],
  [
    "SELECT MIN(Used) FROM NatMedic WHERE InstanceId = 'i-1' GROUP BY InstanceId, Zone ORDER BY MIN()",
    [
      ["i-1/a", 7, 7, undefined],
      ["i-1/Other", 10, 20, 30],
    ],
  ],
  ["SELECT COUNT(Used) FROM NatMedic", [["", 4, 3, 2]]],
  ["SELECT AVG(Used) FROM NatMedic WHERE InstanceId != 'i-2'", [["", 6, 28 / 3, 15.5]]],
  ['SELECT AVG(Used) FROM SCHEMA("NatMedic")', [["", 1, 1, 1]]],
  ["SELECT MAX(Missing) FROM NatMedic", []],
])("%s", (query, expected) => {
  expect(found(query)).toEqual(expected);
});

test("no more than 500 series are returned, and it is said that there were more", () => {
  const many = Array.from({ length: 501 }, (_, n) => metric({ InstanceId: `i-${n}` }, n));
  const query = "SELECT MAX(Used) FROM NatMedic GROUP BY InstanceId ORDER BY MAX() DESC";
  const result = runInsights(parseInsightsQuery(query), many, grid);
  expect(result).toMatchObject({ partial: true });
  expect(result.found).toHaveLength(500);
  expect(result.found[0]?.attributes).toEqual({ InstanceId: "i-500" });
});
