/** What the stored measurements say of a metric alarm, at one moment. */
import { createHash } from "node:crypto";
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import { findSeries, type MetricSeries } from "../endpoint/metric-series.ts";
import { type Contributor, stamp } from "./alarm-events.ts";
import type { AlarmState } from "./alarm-rule.ts";
import { InvalidExpression } from "./expression-error.ts";
import { runInsights } from "./insights.ts";
import { type Criteria, comparisonOf, evaluationRange, judge } from "./judge.ts";
import { evaluateMath, type MathValue } from "./metric-math.ts";
import { type AlarmPlan, planOf, type WatchedMetric } from "./plan.ts";
import { contributorReason, type Grounds, reasonOf } from "./reason.ts";
import { beginOf, bucketed, type Grid, type TimeSeries } from "./time-series.ts";

export type Verdict =
  | { kind: "one"; state: AlarmState | "retain"; reason: string; reasonData: string }
  | {
      kind: "several";
      state: AlarmState;
      reason: string;
      /** In ALARM. */
      active: (Contributor & { reason: string })[];
      /** Why one that is not among them is OK. */
      okReason(contributor: Contributor): string;
      /** More matched than was looked at. */
      partial: boolean;
    };

/** User Guide, "Limits": contributors in ALARM at the same time. */
const MOST_CONTRIBUTORS = 100;

/**
 * @param now milliseconds since the epoch
 * @param activeIds the contributors that are in ALARM
 * @throws InvalidExpression, ExpressionNotKnown
 */
export const evaluateAlarm = (
  alarm: MetricAlarm,
  stored: readonly MetricSeries[],
  now: number,
  activeIds: ReadonlySet<string> = new Set(),
): Verdict => {
  const plan = planOf(alarm);
  const { EvaluationPeriods: evaluationPeriods = 1, Threshold: threshold = 0 } = alarm;
  const { breaches, words } = comparisonOf(alarm.ComparisonOperator, threshold);
  const criteria: Criteria = {
    breaches,
    evaluationPeriods,
    datapointsToAlarm: alarm.DatapointsToAlarm ?? evaluationPeriods,
    treatMissing: treatmentOf(alarm.TreatMissingData),
  };
  const range = evaluationRange(evaluationPeriods);
  const grid: Grid = {
    end: Math.floor(now / evaluationEveryMs(plan)) * evaluationEveryMs(plan),
    periodMs: plan.periodSeconds * 1000,
    // One more than is judged, so that RATE and DIFF have a value before the oldest.
    count: range + 1,
  };
  const look = (series: TimeSeries) => {
    const values = Array.from({ length: range }, (_, index) => series.get(index + 1));
    const points = values
      .flatMap((value, index) => (value === undefined ? [] : [{ at: beginOf(grid, index + 1), value }]))
      .reverse();
    const grounds: Grounds = { ...criteria, points, words, threshold };
    return { state: judge(values, criteria), grounds };
  };
  if (plan.kind === "insights" && plan.query.groupBy.length > 0)
    return severalSeries(runInsights(plan.query, stored, grid), look, activeIds);
  const { state, grounds } = look(oneSeries(plan, stored, grid));
  return {
    kind: "one",
    state,
    reason: state === "retain" ? "" : reasonOf(state, grounds),
    reasonData: reasonData(plan, grounds, grid, now),
  };
};

/** API reference of PutMetricAlarm: alarms with a period of 10, 20 or 30 seconds every ten seconds, others every minute. */
export const evaluationEveryMs = ({ periodSeconds }: AlarmPlan): number =>
  periodSeconds < 60 ? 10_000 : 60_000;

const severalSeries = (
  { found, partial }: ReturnType<typeof runInsights>,
  look: (series: TimeSeries) => { state: AlarmState | "retain"; grounds: Grounds },
  activeIds: ReadonlySet<string>,
): Verdict => {
  const judged = found.map(({ attributes, series }) => {
    const { state, grounds } = look(series);
    const id = contributorId(attributes);
    const alarms = state === "ALARM" || (state === "retain" && activeIds.has(id));
    return { id, attributes, alarms, reason: contributorReason(alarms ? "ALARM" : "OK", grounds) };
  });
  const inAlarm = judged.filter(({ alarms }) => alarms);
  const active = inAlarm.slice(0, MOST_CONTRIBUTORS);
  const calm = new Map(judged.map(({ id, reason }) => [id, reason]));
  const count =
    inAlarm.length > MOST_CONTRIBUTORS
      ? `${MOST_CONTRIBUTORS}+`
      : `${inAlarm.length} out of ${judged.length}`;
  const state = inAlarm.length > 0 ? "ALARM" : "OK";
  return {
    kind: "several",
    // "Missing data in Metrics Insights alarms": without any series, whatever the treatment of missing data.
    state: judged.length === 0 ? "INSUFFICIENT_DATA" : state,
    reason:
      judged.length === 0 ? "No data was returned by the query" : `${count} time series evaluated to ALARM`,
    active: active.map(({ id, attributes, reason }) => ({ id, attributes, reason })),
    okReason: ({ id }) => calm.get(id) ?? "No data was returned for this contributor",
    partial,
  };
};

/** The same for the same attributes, in any alarm. */
const contributorId = (attributes: Record<string, string>): string =>
  createHash("sha256")
    .update(JSON.stringify(Object.entries(attributes).sort(([a], [b]) => (a < b ? -1 : 1))))
    .digest("hex")
    .slice(0, 16);

const oneSeries = (plan: AlarmPlan, stored: readonly MetricSeries[], grid: Grid): TimeSeries => {
  const measured = ({ metric, stat }: WatchedMetric) =>
    bucketed(findSeries(stored, metric)?.points ?? [], grid, stat);
  switch (plan.kind) {
    case "metric":
      return measured(plan);
    case "insights":
      return runInsights(plan.query, stored, grid).found[0]?.series ?? new Map();
    case "math": {
      const metrics = new Map([...plan.metrics].map(([id, metric]) => [id, measured(metric)]));
      const lookUp = (id: string): MathValue => {
        const expression = plan.expressions.get(id);
        if (expression !== undefined) return evaluateMath(expression, context);
        return metrics.get(id) ?? new Map();
      };
      const context = { lookUp, metrics, periodSeconds: plan.periodSeconds, slots: grid.count };
      const value = lookUp(plan.watched);
      if (typeof value === "number" || Array.isArray(value))
        throw new InvalidExpression("the expression of an alarm must return a single time series");
      return value;
    }
    default:
      return plan satisfies never;
  }
};

const treatmentOf = (text: string | undefined): Criteria["treatMissing"] => {
  switch (text) {
    case "breaching":
    case "notBreaching":
    case "ignore":
      return text;
    default:
      return "missing";
  }
};

const reasonData = (
  plan: AlarmPlan,
  { points, threshold, evaluationPeriods }: Grounds,
  grid: Grid,
  now: number,
): string => {
  const oldestFirst = points.slice(0, evaluationPeriods).toReversed();
  return JSON.stringify({
    version: "1.0",
    queryDate: stamp(new Date(now)),
    startDate: stamp(oldestFirst[0]?.at ?? beginOf(grid, grid.count - evaluationPeriods)),
    ...(plan.kind === "metric" && { statistic: plan.stat }),
    period: plan.periodSeconds,
    recentDatapoints: oldestFirst.map(({ value }) => value),
    threshold,
    evaluatedDatapoints: oldestFirst.toReversed().map(({ at, value }) => ({ timestamp: stamp(at), value })),
  });
};
