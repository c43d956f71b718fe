import type { Dimension, Metric, MetricDatum } from "@aws-sdk/client-cloudwatch";
import { statistics } from "../alarms/time-series.ts";
import { AwsError, notImplementedLocally } from "./aws-error.ts";

export type MetricPoint = { at: Date; value: number };

export type MetricSeries = {
  namespace: string;
  metricName: string;
  dimensions: Record<string, string>;
  /** In any order; one value per measurement, as published. */
  points: MetricPoint[];
};

/** A series is found by its exact set of dimensions, as CloudWatch does: a subset names another metric. */
export const findSeries = (series: readonly MetricSeries[], metric: Metric): MetricSeries | undefined => {
  const { Namespace = "", MetricName = "", Dimensions = [] } = metric;
  return indexOf(series).get(keyOf(Namespace, MetricName, sortedPairs(Dimensions)));
};

type Index = { indexed: MetricSeries[]; known: Map<string, MetricSeries> };

/** By name, for a fleet has a hundred thousand of them. A list grows, or begins anew; the first of a name counts. */
const indexes = new WeakMap<readonly MetricSeries[], Index>();

const indexOf = (series: readonly MetricSeries[]): ReadonlyMap<string, MetricSeries> => {
  const index = indexes.get(series);
  if (index !== undefined && hasGrown(index, series)) return index.known;
  const fresh: Index = { indexed: [], known: new Map() };
  indexes.set(series, fresh);
  hasGrown(fresh, series);
  return fresh.known;
};

/** Takes in what was added; false when what was there is not there any more. */
const hasGrown = (index: Index, series: readonly MetricSeries[]): boolean => {
  const { length } = index.indexed;
  const isSame = (at: number) => index.indexed[at] === series[at];
  if (length > 0 && (series.length < length || !isSame(0) || !isSame(length - 1))) return false;
  for (const each of series.slice(length)) {
    const pairs = sortedPairs(Object.entries(each.dimensions).map(([Name, Value]) => ({ Name, Value })));
    const key = keyOf(each.namespace, each.metricName, pairs);
    if (!index.known.has(key)) index.known.set(key, each);
    index.indexed.push(each);
  }
  return true;
};

const keyOf = (namespace: string, name: string, pairs: [string, string][]): string =>
  JSON.stringify([namespace, name, pairs]);

/** In any order. */
export const sameDimensions = (a: Dimension[], b: Dimension[]): boolean =>
  JSON.stringify(sortedPairs(a)) === JSON.stringify(sortedPairs(b));

/**
 * Points of [start, end) aggregated over periods of `period` seconds aligned to the epoch, oldest first;
 * a period without a measurement has no point. `stat` is Average, Sum, Minimum, Maximum or SampleCount.
 */
export const statistic = (
  points: MetricPoint[],
  { start, end, period, stat }: { start: Date; end: Date; period: number; stat: string },
): MetricPoint[] => {
  const aggregate = statistics.get(stat);
  if (aggregate === undefined)
    throw new AwsError("ValidationException", `Stat ${stat} is not evaluated locally.`, {
      code: "ValidationError",
    });
  const length = period * 1000;
  const first = Math.floor(start.getTime() / length) * length;
  const periods = new Map<number, number[]>();
  for (const { at, value } of points) {
    const begin = Math.floor(at.getTime() / length) * length;
    if (begin < first || begin >= end.getTime()) continue;
    periods.set(begin, [...(periods.get(begin) ?? []), value]);
  }
  return [...periods]
    .sort(([a], [b]) => a - b)
    .map(([begin, values]) => ({ at: new Date(begin), value: aggregate(values) }));
};

/** Appends what one element of PutMetricData carries, by its own time or `now`; statistic sets are refused, since their values are gone. */
export const addDatum = (series: MetricSeries[], namespace: string, datum: MetricDatum, now: Date): void => {
  if (datum.MetricName === undefined)
    throw new AwsError("MissingRequiredParameterException", "MetricName is required.", {
      code: "MissingParameter",
    });
  if (datum.StatisticValues !== undefined) {
    throw notImplementedLocally("CloudWatch", "PutMetricData", "StatisticValues");
  }
  const metric = { Namespace: namespace, MetricName: datum.MetricName, Dimensions: datum.Dimensions };
  const at = datum.Timestamp ?? now;
  const values = datum.Values ?? (datum.Value === undefined ? [] : [datum.Value]);
  let found = findSeries(series, metric);
  if (found === undefined) {
    found = {
      namespace,
      metricName: datum.MetricName,
      dimensions: Object.fromEntries(
        (datum.Dimensions ?? []).map(({ Name = "", Value = "" }) => [Name, Value]),
      ),
      points: [],
    };
    series.push(found);
  }
  for (const [index, value] of values.entries()) {
    const count = datum.Counts?.[index] ?? 1;
    for (let n = 0; n < count; n += 1) found.points.push({ at, value });
  }
};

const sortedPairs = (dimensions: Dimension[]): [string, string][] =>
  dimensions
    .map(({ Name = "", Value = "" }): [string, string] => [Name, Value])
    .sort(([a], [b]) => (a < b ? -1 : 1));
