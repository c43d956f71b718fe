import type { MetricAlarm, MetricDataQuery, PutMetricAlarmInput } from "@aws-sdk/client-cloudwatch";
import { evaluateAlarm } from "../../alarms/evaluate.ts";
import { ExpressionNotKnown, InvalidExpression } from "../../alarms/expression-error.ts";
import { notImplementedLocally } from "../aws-error.ts";
import { QUERY_ID } from "./metric-operations.ts";
import { invalid, refuseOthers } from "./refuse.ts";

/**
 * The configuration of a metric alarm as PutMetricAlarm takes it: on one metric, or on queries of which one is watched.
 * Percentiles, units, anomaly bands, PromQL, evaluation windows and other accounts are refused by name.
 */
export const checkedAlarm = (input: PutMetricAlarmInput): MetricAlarm => {
  const {
    AlarmName,
    AlarmDescription,
    ActionsEnabled = true,
    OKActions = [],
    AlarmActions = [],
    InsufficientDataActions = [],
    Metrics,
    Namespace,
    MetricName,
    Dimensions,
    Statistic,
    Period,
    EvaluationPeriods,
    DatapointsToAlarm,
    Threshold,
    ComparisonOperator,
    TreatMissingData,
    ...others
  } = input;
  refuseOthers("PutMetricAlarm", others);
  if (EvaluationPeriods === undefined || EvaluationPeriods < 1)
    throw invalid("EvaluationPeriods is required.");
  if (DatapointsToAlarm !== undefined && DatapointsToAlarm > EvaluationPeriods)
    throw invalid("DatapointsToAlarm must be less than or equal to EvaluationPeriods");
  if (Threshold === undefined) throw invalid("Threshold is required.");
  if (ComparisonOperator === undefined) throw invalid("ComparisonOperator is required.");
  if (!COMPARISONS.includes(ComparisonOperator))
    throw notImplementedLocally("CloudWatch", "PutMetricAlarm", `ComparisonOperator ${ComparisonOperator}`);
  if (TreatMissingData !== undefined && !TREATMENTS.includes(TreatMissingData))
    throw invalid(`TreatMissingData ${TreatMissingData} is not valid.`);
  const compared = {
    AlarmName,
    AlarmDescription,
    ActionsEnabled,
    OKActions,
    AlarmActions,
    InsufficientDataActions,
    EvaluationPeriods,
    DatapointsToAlarm,
    Threshold,
    ComparisonOperator,
    TreatMissingData,
  };
  if (Metrics === undefined || Metrics.length === 0) {
    if (MetricName === undefined || Namespace === undefined) throw invalid("MetricName must not be null");
    if (Statistic === undefined) throw invalid("Statistic is required.");
    checkPeriod(Period, EvaluationPeriods);
    return understood({
      ...compared,
      Namespace,
      MetricName,
      Dimensions: Dimensions ?? [],
      Statistic,
      Period,
    });
  }
  const both = Object.entries({ Namespace, MetricName, Dimensions, Statistic, Period }).find(
    ([, value]) => value !== undefined,
  );
  if (both !== undefined) throw invalid(`${both[0]} should not be set if list of Metrics is set.`);
  checkQueries(Metrics, EvaluationPeriods);
  return understood({ ...compared, Metrics });
};

/** An alarm that cannot be evaluated is refused when it is put, not when it matters. */
const understood = (alarm: MetricAlarm): MetricAlarm => {
  try {
    evaluateAlarm(alarm, [], 0);
    return alarm;
  } catch (error) {
    if (error instanceof InvalidExpression) throw invalid(`Invalid metrics list: ${error.message}`);
    if (error instanceof ExpressionNotKnown)
      throw notImplementedLocally("CloudWatch", "PutMetricAlarm", error.message);
    throw error;
  }
};

const checkQueries = (queries: MetricDataQuery[], evaluationPeriods: number): void => {
  const ids = queries.map(({ Id = "" }) => Id);
  const badId = ids.find((id, index) => !QUERY_ID.test(id) || ids.indexOf(id) !== index);
  if (badId !== undefined) throw invalid(`The value ${badId} for parameter Metrics.Id is not valid.`);
  for (const { Id = "", Expression, MetricStat, AccountId } of queries) {
    if (AccountId !== undefined)
      throw notImplementedLocally("CloudWatch", "PutMetricAlarm", "AccountId of a metric");
    if ((Expression === undefined) === (MetricStat === undefined))
      throw invalid(`Metric ${Id} must have either an Expression or a MetricStat`);
    if (MetricStat !== undefined) checkPeriod(MetricStat.Period, evaluationPeriods);
  }
  const metrics = queries.filter(({ MetricStat }) => MetricStat !== undefined);
  if (metrics.length > MOST_METRICS)
    throw invalid(`An alarm based on an expression has at most ${MOST_METRICS} metrics`);
  if (new Set(metrics.map(({ MetricStat }) => MetricStat?.Period)).size > 1)
    throw invalid("Metrics must all have the same period");
  if (queries.filter(({ ReturnData }) => ReturnData !== false).length !== 1)
    throw invalid("Exactly one element of the metrics list should return data.");
};

const checkPeriod = (period: number | undefined, evaluationPeriods: number): void => {
  if (period === undefined || !([10, 20, 30].includes(period) || (period > 0 && period % 60 === 0)))
    throw invalid(`Period ${period} is not valid: it is 10, 20, 30 or a multiple of 60`);
  if (period * evaluationPeriods > (period < 3600 ? DAY : 7 * DAY))
    throw invalid(
      "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
    );
};

/** API reference of PutMetricAlarm, Period: a day in all, and seven where one period is an hour or more. */
const DAY = 86_400;

/** User Guide, "Alarm data queries". */
const MOST_METRICS = 10;

const TREATMENTS = ["breaching", "notBreaching", "ignore", "missing"];

const COMPARISONS = [
  "GreaterThanOrEqualToThreshold",
  "GreaterThanThreshold",
  "LessThanThreshold",
  "LessThanOrEqualToThreshold",
];
