/** What an alarm watches, read once from its configuration. */
import type { Metric, MetricAlarm, MetricDataQuery, MetricStat } from "@aws-sdk/client-cloudwatch";
import { ExpressionNotKnown, InvalidExpression } from "./expression-error.ts";
import { type InsightsQuery, isInsightsQuery, parseInsightsQuery } from "./insights-query.ts";
import { idsIn, type MathExpression, parseMath } from "./metric-math.ts";

export type WatchedMetric = { metric: Metric; stat: string };

export type AlarmPlan = { periodSeconds: number } & (
  | ({ kind: "metric" } & WatchedMetric)
  | {
      kind: "math";
      /** ID of what is compared with the threshold. */
      watched: string;
      metrics: ReadonlyMap<string, WatchedMetric>;
      expressions: ReadonlyMap<string, MathExpression>;
    }
  /** With groups, each series is a contributor with a state of its own. */
  | { kind: "insights"; query: InsightsQuery }
);

/** @throws InvalidExpression, ExpressionNotKnown */
export const planOf = ({
  Metrics,
  Namespace,
  MetricName,
  Dimensions,
  Period,
  Statistic,
}: MetricAlarm): AlarmPlan => {
  if (Metrics === undefined || Metrics.length === 0) {
    if (Period === undefined || Statistic === undefined) throw new InvalidExpression("no metric");
    return {
      kind: "metric",
      metric: { Namespace, MetricName, Dimensions },
      stat: Statistic,
      periodSeconds: Period,
    };
  }
  const select = Metrics.find(({ Expression = "" }) => isInsightsQuery(Expression));
  if (select !== undefined) return insightsPlan(select, Metrics.length);
  const watched = Metrics.find(({ ReturnData }) => ReturnData !== false)?.Id ?? "";
  const metrics = new Map(Metrics.flatMap(({ Id = "", MetricStat }) => namedMetric(Id, MetricStat)));
  const expressions = new Map(
    Metrics.flatMap(({ Id = "", Expression }): [string, MathExpression][] =>
      Expression === undefined ? [] : [[Id, parseMath(Expression)]],
    ),
  );
  for (const id of expressions.keys()) checkNames(id, { metrics, expressions }, []);
  const periodSeconds = Metrics.flatMap(({ MetricStat }) => MetricStat?.Period ?? [])[0];
  if (periodSeconds === undefined) throw new InvalidExpression("an expression without a metric");
  return { kind: "math", watched, metrics, expressions, periodSeconds };
};

const insightsPlan = ({ Expression = "", Period }: MetricDataQuery, queries: number): AlarmPlan => {
  if (queries > 1) throw new ExpressionNotKnown("a Metrics Insights query among other expressions");
  // User Guide, "Create a CloudWatch alarm based on a Metrics Insights query": standard resolution.
  if (Period === undefined || Period % 60 !== 0)
    throw new InvalidExpression("Period of a Metrics Insights query is a multiple of 60");
  const query = parseInsightsQuery(Expression);
  // The same page: an alarm on several time series must have both clauses.
  if (query.groupBy.length > 0 && query.orderBy === undefined)
    throw new InvalidExpression("a query with GROUP BY needs ORDER BY in an alarm");
  return { kind: "insights", query, periodSeconds: Period };
};

const namedMetric = (id: string, stat: MetricStat | undefined): [string, WatchedMetric][] =>
  stat?.Metric === undefined ? [] : [[id, { metric: stat.Metric, stat: stat.Stat ?? "" }]];

/** Every ID that an expression leads to exists, and none leads back. */
const checkNames = (
  id: string,
  {
    metrics,
    expressions,
  }: { metrics: ReadonlyMap<string, unknown>; expressions: ReadonlyMap<string, MathExpression> },
  above: readonly string[],
): void => {
  if (above.includes(id)) throw new InvalidExpression(`the expression ${id} depends on itself`);
  const expression = expressions.get(id);
  if (expression === undefined) {
    if (!metrics.has(id)) throw new InvalidExpression(`${id} is no metric and no expression`);
    return;
  }
  for (const name of idsIn(expression)) checkNames(name, { metrics, expressions }, [...above, id]);
};
