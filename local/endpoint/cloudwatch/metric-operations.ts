/** Measurements: what is published, listed and read. */
import {
  GetMetricData$,
  type GetMetricDataInput,
  type GetMetricDataOutput,
  ListMetrics$,
  type ListMetricsInput,
  type ListMetricsOutput,
  type MetricDataQuery,
  type MetricDataResult,
  PutMetricData$,
  type PutMetricDataInput,
} from "@aws-sdk/client-cloudwatch";
import { notImplementedLocally } from "../aws-error.ts";
import { addDatum, findSeries, type MetricSeries, statistic } from "../metric-series.ts";
import type { Operation } from "../service.ts";
import { pageOf } from "./page-of.ts";
import { invalid, refuseOthers } from "./refuse.ts";

/** Over the given series, which PutMetricData extends in place. Metric math (`Expression`) is refused by name. */
export const metricOperations = (series: MetricSeries[], now: () => number): Operation[] => {
  const getMetricData = async (input: GetMetricDataInput): Promise<GetMetricDataOutput> => {
    const { StartTime, EndTime, MetricDataQueries = [] } = input;
    if (StartTime === undefined || EndTime === undefined)
      throw invalid("StartTime and EndTime are required.");
    if (StartTime >= EndTime)
      throw invalid("The parameter StartTime must be less than the parameter EndTime.");
    if (MetricDataQueries.length === 0) throw invalid("The collection MetricDataQueries must not be empty.");
    const ids = MetricDataQueries.map(({ Id = "" }) => Id);
    const badId = ids.find((id, index) => !QUERY_ID.test(id) || ids.indexOf(id) !== index);
    if (badId !== undefined)
      throw invalid(`The value ${badId} for parameter MetricDataQueries.Id is not valid.`);
    return {
      MetricDataResults: MetricDataQueries.filter(({ ReturnData }) => ReturnData !== false).map((query) =>
        answer(query, StartTime, EndTime, input.ScanBy === "TimestampAscending"),
      ),
      Messages: [],
    };
  };

  const answer = (query: MetricDataQuery, start: Date, end: Date, ascending: boolean): MetricDataResult => {
    const { Metric, Period, Stat = "" } = query.MetricStat ?? {};
    if (query.Expression !== undefined || Metric === undefined) {
      throw notImplementedLocally("CloudWatch", "GetMetricData", `Expression ${query.Expression ?? ""}`);
    }
    if (Period === undefined || !isPeriod(Period)) throw invalid(`Period ${Period} is not valid.`);
    const points = statistic(findSeries(series, Metric)?.points ?? [], {
      start,
      end,
      period: Period,
      stat: Stat,
    });
    if (!ascending) points.reverse();
    return {
      Id: query.Id,
      Label: query.Label ?? Metric.MetricName,
      Timestamps: points.map(({ at }) => at),
      Values: points.map(({ value }) => value),
      StatusCode: "Complete",
    };
  };

  const putMetricData = async ({ Namespace, MetricData = [] }: PutMetricDataInput): Promise<object> => {
    if (Namespace === undefined || Namespace === "") throw invalid("The parameter Namespace is required.");
    for (const datum of MetricData) addDatum(series, Namespace, datum, new Date(now()));
    return {};
  };

  const listMetrics = async ({
    Namespace,
    MetricName,
    Dimensions = [],
    RecentlyActive,
    NextToken,
    ...others
  }: ListMetricsInput): Promise<ListMetricsOutput> => {
    refuseOthers("ListMetrics", others);
    const since = now() - (RecentlyActive === undefined ? ACTIVITY_SECONDS : RECENT_SECONDS) * 1000;
    const found = series.filter(
      ({ namespace, metricName, dimensions, points }) =>
        (Namespace === undefined || Namespace === namespace) &&
        (MetricName === undefined || MetricName === metricName) &&
        Dimensions.every(
          ({ Name = "", Value }) =>
            Object.hasOwn(dimensions, Name) && (Value === undefined || Value === dimensions[Name]),
        ) &&
        points.some(({ at }) => at.getTime() >= since && at.getTime() <= now()),
    );
    const { items, NextToken: next } = pageOf(found, NextToken, METRICS_PER_PAGE);
    return {
      Metrics: items.map(({ namespace, metricName, dimensions }) => ({
        Namespace: namespace,
        MetricName: metricName,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
      })),
      NextToken: next,
    };
  };

  return [
    { schema: GetMetricData$, run: getMetricData },
    { schema: PutMetricData$, run: putMetricData },
    { schema: ListMetrics$, run: listMetrics },
  ];
};

/** API reference of MetricDataQuery: begins with a lower-case letter. */
export const QUERY_ID = /^[a-z][a-zA-Z0-9_]{0,254}$/;

/** API reference of ListMetrics: metrics without a data point in the last two weeks are not listed; 500 a page. */
const ACTIVITY_SECONDS = 14 * 86_400;
const METRICS_PER_PAGE = 500;

/** The only value of RecentlyActive, PT3H. */
const RECENT_SECONDS = 3 * 3600;

/** API reference of MetricStat: 1, 5, 10, 20, 30 or a multiple of 60 seconds. */
export const isPeriod = (seconds: number): boolean =>
  [1, 5, 10, 20, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0);
