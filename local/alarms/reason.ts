/** Why an alarm has its state, in the manner of CloudWatch (events of the User Guide); not to the letter. */
import type { AlarmState } from "./alarm-rule.ts";

export type Datapoint = { at: Date; value: number };

export type Grounds = {
  /** Values that there were, the latest first. */
  points: readonly Datapoint[];
  breaches(value: number): boolean;
  /** `greater than`. */
  words: string;
  threshold: number;
  datapointsToAlarm: number;
  evaluationPeriods: number;
};

export const reasonOf = (state: AlarmState, grounds: Grounds): string => {
  const { points, datapointsToAlarm, evaluationPeriods } = grounds;
  if (state === "INSUFFICIENT_DATA")
    return `Insufficient Data: ${counted(evaluationPeriods, "datapoint")} were unknown.`;
  const agreeing = decisive(state, grounds);
  if (agreeing.length === 0)
    return `Threshold Crossed: no datapoints were received for ${counted(evaluationPeriods, "period")}, and missing ones were treated as [${state === "ALARM" ? "Breaching" : "NonBreaching"}].`;
  const listed = agreeing.map(({ at, value }) => `${decimal(value)} (${shortDate(at)})`).join(", ");
  const needed = state === "ALARM" ? datapointsToAlarm : evaluationPeriods - datapointsToAlarm + 1;
  const transition = state === "ALARM" ? "OK -> ALARM" : "ALARM -> OK";
  return `Threshold Crossed: ${agreeing.length} out of the last ${counted(Math.min(evaluationPeriods, points.length), "datapoints", "")} [${listed}] ${compared(state, agreeing.length, grounds)} (minimum ${counted(needed, "datapoint")} for ${transition} transition).`;
};

/** Of one time series among several. */
export const contributorReason = (state: AlarmState, grounds: Grounds): string => {
  const agreeing = decisive(state, grounds);
  const [latest] = agreeing;
  if (latest === undefined) return reasonOf(state, grounds);
  const which = state === "ALARM" ? "crossed" : "did not cross";
  return `Threshold Crossed: ${counted(agreeing.length, "datapoint")} ${compared(state, agreeing.length, grounds)}. The most recent datapoint which ${which} the threshold: [${decimal(latest.value)} (${shortDate(latest.at)})].`;
};

const decisive = (state: AlarmState, { points, breaches, evaluationPeriods }: Grounds): Datapoint[] =>
  points.slice(0, evaluationPeriods).filter(({ value }) => breaches(value) === (state === "ALARM"));

const compared = (state: AlarmState, count: number, { words, threshold }: Grounds): string =>
  `${count === 1 ? "was" : "were"} ${state === "ALARM" ? "" : "not "}${words} the threshold (${decimal(threshold)})`;

const counted = (count: number, noun: string, plural = "s"): string =>
  `${count} ${noun}${count === 1 ? "" : plural}`;

/** `80.0`, as CloudWatch writes a whole number. */
const decimal = (value: number): string => (Number.isInteger(value) ? `${value}.0` : String(value));

/** `02/10/19 16:59:00`. */
const shortDate = (at: Date): string => {
  const [, year, month, day, time] = /^\d\d(\d\d)-(\d\d)-(\d\d)T([\d:]{8})/.exec(at.toISOString()) ?? [];
  return `${day}/${month}/${year} ${time}`;
};
