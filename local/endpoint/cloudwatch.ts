import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import type { Place } from "../../core/place.ts";
import { type AlarmStore, alarmStore } from "../alarms/alarm-store.ts";
import { alarmOperations } from "./cloudwatch/alarm-operations.ts";
import { describeAlarmOperations } from "./cloudwatch/describe-alarms.ts";
import { metricOperations } from "./cloudwatch/metric-operations.ts";
import type { MetricSeries } from "./metric-series.ts";
import type { Service } from "./service.ts";

/**
 * CloudWatch over the given series, which PutMetricData extends in place, and over the alarms of a store.
 *
 * @param alarms instead of a store: alarms whose states are what they say
 * @param now milliseconds since the epoch
 * @param place of the alarms that are given, for their ARNs
 */
export const cloudwatch = ({
  series,
  alarms = [],
  now = Date.now,
  place = { account: "123456789012", region: "eu-central-1" },
  store = alarmStore({ alarms, now, place }),
}: {
  series: MetricSeries[];
  alarms?: MetricAlarm[];
  now?: () => number;
  place?: Place;
  store?: AlarmStore;
}): Service => ({
  name: "monitoring",
  title: "CloudWatch",
  target: "GraniteServiceVersion20100801",
  version: "2010-08-01",
  xmlNamespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
  operations: [
    ...metricOperations(series, now),
    ...alarmOperations(store),
    ...describeAlarmOperations(store),
  ],
});
