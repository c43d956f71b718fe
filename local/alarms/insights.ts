/** Metrics Insights queries over stored series. */
import type { MetricSeries } from "../endpoint/metric-series.ts";
import { type Aggregate, type InsightsQuery, MOST_SERIES } from "./insights-query.ts";
import { bucketed, type Grid, statistics, type TimeSeries } from "./time-series.ts";

export type InsightsSeries = {
  /** Of what it is grouped by; empty for the one series of a query without groups. */
  attributes: Record<string, string>;
  series: TimeSeries;
};

/**
 * One series per group that has a measurement within the grid, in the query's order. `partial`: there were more than a
 * query returns.
 */
export const runInsights = (
  query: InsightsQuery,
  stored: readonly MetricSeries[],
  grid: Grid,
): { found: InsightsSeries[]; partial: boolean } => {
  const matching = stored.filter((metric) => matches(query, metric));
  const groups = Map.groupBy(matching, ({ dimensions }) =>
    // A metric without the dimension belongs to the group `Other`.
    JSON.stringify(query.groupBy.map((dimension) => [dimension, dimensions[dimension] ?? "Other"])),
  );
  const found = [...groups].flatMap(([key, metrics]): InsightsSeries[] => {
    const points = metrics.flatMap((metric) => metric.points);
    const series = bucketed(points, grid, STATISTICS[query.aggregate]);
    const attributes: Record<string, string> = Object.fromEntries(JSON.parse(key));
    return series.size === 0 ? [] : [{ attributes, series }];
  });
  const ordered = query.orderBy === undefined ? found : byRank(found, query.orderBy);
  const limit = Math.min(query.limit ?? MOST_SERIES, MOST_SERIES);
  return { found: ordered.slice(0, limit), partial: ordered.length > MOST_SERIES };
};

const matches = (
  { namespace, metricName, dimensions, where }: InsightsQuery,
  metric: MetricSeries,
): boolean => {
  if (metric.namespace !== namespace || metric.metricName !== metricName) return false;
  const names = Object.keys(metric.dimensions);
  if (dimensions !== undefined) {
    const same = names.length === dimensions.length && dimensions.every((name) => names.includes(name));
    if (!same) return false;
  }
  return where.every(({ dimension, equal, value }) => (metric.dimensions[dimension] === value) === equal);
};

/** By the aggregate of the values of each series; equal ones by their attributes, so that a result is the same twice. */
const byRank = (
  found: InsightsSeries[],
  { aggregate, descending }: NonNullable<InsightsQuery["orderBy"]>,
): InsightsSeries[] => {
  const rank = statistics.get(STATISTICS[aggregate]);
  const ranked = found.map((item) => ({ item, value: rank?.([...item.series.values()]) ?? 0 }));
  return ranked
    .sort((a, b) => {
      const byValue = descending ? b.value - a.value : a.value - b.value;
      return byValue || (JSON.stringify(a.item.attributes) < JSON.stringify(b.item.attributes) ? -1 : 1);
    })
    .map(({ item }) => item);
};

const STATISTICS: Record<Aggregate, string> = {
  AVG: "Average",
  COUNT: "SampleCount",
  MAX: "Maximum",
  MIN: "Minimum",
  SUM: "Sum",
};
