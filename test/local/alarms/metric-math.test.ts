/** Examples of the CloudWatch User Guide, "Using math expressions with CloudWatch metrics", and what surrounds them. */
import { expect, test } from "vitest";
import { evaluateMath, idsIn, type MathContext, parseMath } from "../../../local/alarms/metric-math.ts";
import type { TimeSeries } from "../../../local/alarms/time-series.ts";

const slots = 5;
/** `30, -, 0`: a value per period, - where there is none. */
const series = (text: string): TimeSeries =>
  new Map(
    text
      .split(", ")
      .flatMap((value, slot): [number, number][] => (value === "-" ? [] : [[slot, Number(value)]])),
  );
const calculate = (expression: string, metrics: Record<string, string>) => {
  const known = new Map(Object.entries(metrics).map(([id, text]) => [id, series(text)]));
  const context: MathContext = {
    lookUp: (id) => known.get(id) ?? new Map(),
    metrics: known,
    periodSeconds: 60,
    slots,
  };
  const value = evaluateMath(parseMath(expression), context);
  if (typeof value === "number" || Array.isArray(value)) return value;
  return Array.from({ length: slots }, (_, slot) => value.get(slot) ?? "-").join(", ");
};

const compared = { metric1: "30, 20, 0, 0", metric2: "20, -, 20, -" };
test.each([
  ["metric1 < metric2", "0, 0, 1, 0, -"],
  ["metric1 >= 30", "1, 0, 0, 0, -"],
  ["metric1 > 15 AND metric2 > 15", "1, 0, 0, 0, -"],
  ["metric1 > 15 || metric2 > 15", "1, 1, 1, 0, -"],
  ["metric1 == 0", "0, 0, 1, 1, -"],
  ["metric1 != metric1", "0, 0, 0, 0, -"],
  ["metric2 <= 19", "0, -, 0, -, -"],
])("%s compares period by period", (expression, expected) => {
  expect(calculate(expression, compared)).toBe(expected);
});

const conditional = { metric1: "1, 1, 0, 0, -", metric2: "30, -, 0, 0, 30", metric3: "0, 0, 20, -, 20" };
test.each([
  ["IF(metric1, metric2, metric3)", "30, 0, 20, -, -"],
  ["IF(metric1, 5, metric3)", "5, 5, 20, -, -"],
  ["IF(metric1, metric2, 5)", "30, 0, 5, 5, 5"],
  ["IF(metric1, metric2)", "30, 0, -, -, -"],
  ["IF(1 > 2, metric2, metric3)", "0, 0, 20, -, 20"],
  ["IF(metric3 > 0, 10, 2)", "2, 2, 10, -, 10"],
])("%s chooses, as in the tables", (expression, expected) => {
  expect(calculate(expression, conditional)).toBe(expected);
});

const m = { m1: "1, 2, -, 8, 4", m2: "-, 1, -, 2, 0" };
test.each([
  ["m1 + m2", "1, 3, -, 10, 4"],
  ["m1 / m2", "-, 2, -, 4, -"],
  ["2 * m1 - 1", "1, 3, -, 15, 7"],
  ["-m1 ^ 2", "-1, -4, -, -64, -16"],
  ["(m1 + 1) * 2", "4, 6, -, 18, 10"],
  ["1 - 1 - m1", "-1, -2, -, -8, -4"],
  ["m1 * 1.5e1", "15, 30, -, 120, 60"],
  ["m1 - MIN(m1)", "0, 1, -, 7, 3"],
  ["m1 / AVG([m1, m2])", "2, 1.3333333333333333, -, 1.6, 2"],
  ["SUM(METRICS())", "1, 3, -, 10, 4"],
  ['SUM(METRICS("2"))', "-, 1, -, 2, 0"],
  ["MAX([m1, 3 * m2])", "1, 3, -, 8, 4"],
  ["MIN(METRICS())", "1, 1, -, 2, 0"],
  ["m1 + SUM(m2)", "4, 5, -, 11, 7"],
  ["SUM(-[m1, m2])", "-1, -3, -, -10, -4"],
  ["ABS(m2 - m1)", "1, 1, -, 6, 4"],
  ["m1 / PERIOD(m1) * 60", "1, 2, -, 8, 4"],
  ["DIFF(m1)", "-, 1, -, 6, -4"],
  ["RATE(m1) * 60", "-, 1, -, 3, -4"],
  ["FILL(m2, 7)", "7, 1, 7, 2, 0"],
  ["FILL(m2, MAX(m1))", "8, 1, 8, 2, 0"],
  ["FILL(nothing, 0) + 1", "1, 1, 1, 1, 1"],
  ["(m1 >= 4) + (FILL(m2, 9) < 1)", "0, 0, 0, 1, 2"],
])("%s is calculated period by period", (expression, expected) => {
  expect(calculate(expression, m)).toBe(expected);
});

test("scalars stay scalars, and lists lists", () => {
  expect(calculate("2 + 3 * 4", {})).toBe(14);
  expect(calculate("SUM(m1)", m)).toBe(15);
  expect(calculate("RATE(METRICS())", m)).toHaveLength(2);
});

test("the IDs of an expression are found", () => {
  expect(idsIn(parseMath("IF(m1 > 2, [e2, m1], -FILL(x, REPEAT))"))).toEqual(["m1", "e2", "x"]);
});

test.each(["m1 +", "m1 m2", "(m1", "SUM(m1", "m1 $ 2", "@", "* m1"])("%j is no expression", (text) => {
  expect(() => parseMath(text)).toThrow(expect.objectContaining({ name: "InvalidExpression" }));
});

test.each([
  ["SEARCH(m1)", "function SEARCH"],
  ["FILL(m1, REPEAT)", "FILL with REPEAT"],
  ["ANOMALY_DETECTION_BAND(m1, 2)", "function ANOMALY_DETECTION_BAND"],
])("%s is not evaluated here, and says so", (expression, message) => {
  expect(() => calculate(expression, m)).toThrow(
    expect.objectContaining({ name: "ExpressionNotKnown", message }),
  );
});

test.each(["1 / 0", "RATE(3)", "FILL(m1)", "IF([m1, m2], 1, 0)"])(
  "%s has arguments that do not fit",
  (expression) => {
    expect(() => calculate(expression, m)).toThrow(expect.objectContaining({ name: "InvalidExpression" }));
  },
);
