/** The tables of the CloudWatch User Guide, "Configuring how CloudWatch alarms treat missing data". */
import { expect, test } from "vitest";
import { comparisonOf, judge } from "../../../local/alarms/judge.ts";

const treatments = ["missing", "ignore", "breaching", "notBreaching"] as const;
const judged = (range: string, datapointsToAlarm: number, of = 3) =>
  treatments.map((treatMissing) =>
    judge(
      range.split(" ").map((point) => (point === "-" ? undefined : Number(point === "X"))),
      { breaches: (value) => value === 1, datapointsToAlarm, evaluationPeriods: of, treatMissing },
    ),
  );

test.each([
  ["0 - X - X", ["OK", "OK", "OK", "OK"]],
  ["0 - - - -", ["OK", "OK", "OK", "OK"]],
  ["- - - - -", ["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]],
  ["0 X X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["- - X - -", ["ALARM", "retain", "ALARM", "OK"]],
])("three of three, as documented: %s", (range, expected) => {
  expect(judged(range, 3)).toEqual(expected);
});

test.each([
  ["0 - X - X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 0 X 0 X", ["ALARM", "ALARM", "ALARM", "ALARM"]],
  ["0 - X - -", ["OK", "OK", "ALARM", "OK"]],
  ["- - - - 0", ["OK", "OK", "ALARM", "OK"]],
  ["- - - X -", ["ALARM", "retain", "ALARM", "OK"]],
])("two of three, as documented: %s", (range, expected) => {
  expect(judged(range, 2)).toEqual(expected);
});

test.each(["- - - - X", "- - - X -"])("one breaching value does not alarm too early: %s", (range) => {
  expect(judged(range, 3)).toEqual(["INSUFFICIENT_DATA", "retain", "ALARM", "OK"]);
});

test("only the latest values count, however many there are", () => {
  expect(judged("X X 0 0 0", 1)).toEqual(["OK", "OK", "OK", "OK"]);
  expect(judged("0 X 0 0 X 0 0", 2, 5)).toEqual(["OK", "OK", "OK", "OK"]);
  expect(judged("0 0 X 0 0 X 0", 2, 5)).toEqual(["ALARM", "ALARM", "ALARM", "ALARM"]);
});

test.each([
  ["GreaterThanThreshold", [false, false, true]],
  ["GreaterThanOrEqualToThreshold", [false, true, true]],
  ["LessThanThreshold", [true, false, false]],
  ["LessThanOrEqualToThreshold", [true, true, false]],
] as const)("%s compares the value with the threshold", (operator, expected) => {
  expect([79, 80, 81].map(comparisonOf(operator, 80).breaches)).toEqual(expected);
});

test("a comparison with an anomaly band is not evaluated", () => {
  expect(() => comparisonOf("GreaterThanUpperThreshold", 0)).toThrow("comparison GreaterThanUpperThreshold");
});
