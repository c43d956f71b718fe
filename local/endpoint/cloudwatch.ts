import {
  DescribeAlarms$,
  DescribeAlarmsForMetric$,
  type DescribeAlarmsForMetricInput,
  type DescribeAlarmsForMetricOutput,
  type DescribeAlarmsInput,
  type DescribeAlarmsOutput,
  GetMetricData$,
  type GetMetricDataInput,
  type GetMetricDataOutput,
  type MetricAlarm,
  type MetricDataQuery,
  type MetricDataResult,
  PutMetricData$,
  type PutMetricDataInput,
} from "@aws-sdk/client-cloudwatch";
import { AwsError, notImplementedLocally } from "./aws-error.ts";
import { addDatum, findSeries, type MetricSeries, sameDimensions, statistic } from "./metric-series.ts";
import type { Service } from "./service.ts";

/**
 * CloudWatch over the given series, which PutMetricData extends in place; alarms are only described.
 * Metric math (`Expression`) is not evaluated: it is refused by name.
 */
export const cloudwatch = ({
  series,
  alarms = [],
}: {
  series: MetricSeries[];
  alarms?: MetricAlarm[];
}): Service => {
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
    for (const datum of MetricData) addDatum(series, Namespace, datum);
    return {};
  };

  const describeAlarms = async (input: DescribeAlarmsInput): Promise<DescribeAlarmsOutput> => ({
    MetricAlarms: alarms.filter(
      ({ AlarmName = "", StateValue }) =>
        (input.AlarmNames === undefined || input.AlarmNames.includes(AlarmName)) &&
        AlarmName.startsWith(input.AlarmNamePrefix ?? "") &&
        (input.StateValue === undefined || input.StateValue === StateValue),
    ),
    CompositeAlarms: [],
  });

  /** By the exact set of dimensions; alarms on an expression of metrics are not listed, as CloudWatch does it. */
  const describeAlarmsForMetric = async ({
    Namespace,
    MetricName,
    Dimensions = [],
    ...others
  }: DescribeAlarmsForMetricInput): Promise<DescribeAlarmsForMetricOutput> => {
    const [other] = Object.keys(others);
    if (other !== undefined) throw notImplementedLocally("CloudWatch", "DescribeAlarmsForMetric", other);
    return {
      MetricAlarms: alarms.filter(
        (alarm) =>
          alarm.Namespace === Namespace &&
          alarm.MetricName === MetricName &&
          sameDimensions(alarm.Dimensions ?? [], Dimensions),
      ),
    };
  };

  return {
    name: "monitoring",
    title: "CloudWatch",
    target: "GraniteServiceVersion20100801",
    version: "2010-08-01",
    xmlNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
    operations: [
      { schema: GetMetricData$, run: getMetricData },
      { schema: PutMetricData$, run: putMetricData },
      { schema: DescribeAlarms$, run: describeAlarms },
      { schema: DescribeAlarmsForMetric$, run: describeAlarmsForMetric },
    ],
  };
};

/** API reference of MetricDataQuery: begins with a lower-case letter. */
const QUERY_ID = /^[a-z][a-zA-Z0-9_]{0,254}$/;

/** API reference of MetricStat: 1, 5, 10, 30 or a multiple of 60 seconds. */
const isPeriod = (seconds: number): boolean =>
  [1, 5, 10, 30].includes(seconds) || (seconds > 0 && seconds % 60 === 0);

const invalid = (message: string): AwsError =>
  new AwsError("ValidationException", message, { code: "ValidationError" });
