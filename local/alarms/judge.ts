/** From the values of one time series to a state. */
import type { ComparisonOperator } from "@aws-sdk/client-cloudwatch";
import type { AlarmState } from "./alarm-rule.ts";
import { ExpressionNotKnown } from "./expression-error.ts";

export type Criteria = {
  breaches(value: number): boolean;
  /** M of N. */
  datapointsToAlarm: number;
  evaluationPeriods: number;
  treatMissing: "breaching" | "notBreaching" | "ignore" | "missing";
};

/**
 * The state that the values speak for; `retain`: the one that the alarm has. The values of the evaluation range, the latest
 * last, `undefined` where data are missing.
 *
 * User Guide, "Configuring how CloudWatch alarms treat missing data", with its two tables, and the part on premature
 * transitions. Whether one breaching value that is too young alarms, when no other is there, only the page's older edition
 * says ("- - - - X"): insufficient data, or the present state.
 */
export const judge = (
  range: readonly (number | undefined)[],
  { breaches, datapointsToAlarm, evaluationPeriods, treatMissing }: Criteria,
): AlarmState | "retain" => {
  const newestFirst = range.toReversed();
  const present = newestFirst.flatMap((value, age) =>
    value === undefined ? [] : [{ age, breaching: breaches(value) }],
  );
  const evaluated = present.slice(0, evaluationPeriods);
  const breaching = evaluated.filter((point) => point.breaching).length;
  const decided = (count: number): AlarmState => (count >= datapointsToAlarm ? "ALARM" : "OK");
  const filled = evaluationPeriods - evaluated.length;
  if (filled === 0) return decided(breaching);
  switch (treatMissing) {
    case "breaching":
      return decided(breaching + filled);
    case "notBreaching":
      return decided(breaching);
    case "ignore":
    case "missing": {
      if (breaching >= datapointsToAlarm) return "ALARM";
      if (evaluated.some((point) => !point.breaching)) return "OK";
      if (treatMissing === "ignore") return "retain";
      const oldest = evaluated.at(-1);
      return oldest !== undefined && oldest.age + 1 >= datapointsToAlarm ? "ALARM" : "INSUFFICIENT_DATA";
    }
    default:
      return treatMissing satisfies never;
  }
};

/**
 * How many periods are looked at, so that some may be missing. AWS says only that it is more than the evaluation periods;
 * in both tables of the page above it is five for three.
 */
export const evaluationRange = (evaluationPeriods: number): number => evaluationPeriods + 2;

/** How a value is compared, and the words for it. */
export const comparisonOf = (
  operator: ComparisonOperator | undefined,
  threshold: number,
): { breaches(value: number): boolean; words: string } => {
  switch (operator) {
    case "GreaterThanThreshold":
      return { breaches: (value) => value > threshold, words: "greater than" };
    case "GreaterThanOrEqualToThreshold":
      return { breaches: (value) => value >= threshold, words: "greater than or equal to" };
    case "LessThanThreshold":
      return { breaches: (value) => value < threshold, words: "less than" };
    case "LessThanOrEqualToThreshold":
      return { breaches: (value) => value <= threshold, words: "less than or equal to" };
    default:
      throw new ExpressionNotKnown(`comparison ${operator}`);
  }
};
