/**
 * What AWS asks for what NAT Medic uses: US dollars in US East (N. Virginia), as the services' own pricing pages had it
 * when they were read; free tiers and volume discounts left out. Other Regions are up to a half dearer.
 */
export type Price = {
  /** US dollars for one `unit`. */
  usd: number;
  unit: string;
  /** The page that says so. */
  source: string;
  /** When it was read, `YYYY-MM`. */
  read: string;
};

const read = "2026-11";
const per = (usd: number, unit: string, page: string): Price => ({
  usd,
  unit,
  source: `https://aws.amazon.com/${page}/pricing/`,
  read,
});
const perThousand = (usd: number, unit: string, page: string) => per(usd / 1_000, unit, page);
const perMillion = (usd: number, unit: string, page: string) => per(usd / 1_000_000, unit, page);

export const prices = {
  /** Of standard workflows; Express is not used. */
  stateTransition: perThousand(0.025, "state transition", "step-functions"),
  lambdaRequest: perMillion(0.2, "invocation", "lambda"),
  /** On arm64, the first six billion a month. */
  lambdaGigabyteSecond: per(0.0000133334, "GB-second", "lambda"),
  /** The first 10,000; 0.10 for those after them. */
  customMetric: per(0.3, "metric-month", "cloudwatch"),
  /** A period of a minute and more; in a metric-math alarm, each metric. */
  alarmMetric: per(0.1, "alarm metric-month", "cloudwatch"),
  highResolutionAlarmMetric: per(0.3, "alarm metric-month", "cloudwatch"),
  compositeAlarm: per(0.5, "alarm-month", "cloudwatch"),
  /** An alarm on a Metrics Insights query: each metric that the query analyses. */
  metricsInsightsAlarmMetric: per(0.1, "analysed metric-month", "cloudwatch"),
  putMetricDataRequest: perThousand(0.01, "request", "cloudwatch"),
  /** GetMetricData: by metric, not by request. */
  metricRequested: perThousand(0.01, "metric", "cloudwatch"),
  /** DescribeAlarms, ListMetrics, PutMetricAlarm and the like. */
  cloudwatchRequest: perThousand(0.01, "request", "cloudwatch"),
  /** After the first three. */
  dashboard: per(3, "dashboard-month", "cloudwatch"),
  logIngestion: per(0.5, "GB", "cloudwatch"),
  logStorage: per(0.03, "GB-month", "cloudwatch"),
  /** On demand. */
  dynamodbWriteUnit: perMillion(0.625, "write request unit", "dynamodb"),
  dynamodbReadUnit: perMillion(0.125, "read request unit", "dynamodb"),
  dynamodbStorage: per(0.25, "GB-month", "dynamodb"),
  /** Continuous backups of the same table. */
  dynamodbPointInTimeRecovery: per(0.2, "GB-month", "dynamodb"),
  snsPublish: perMillion(0.5, "request", "sns"),
  snsEmail: per(2 / 100_000, "mail", "sns"),
  sqsRequest: perMillion(0.4, "request", "sqs"),
  /** Events of AWS services are free; those sent on to another account's bus are not. */
  eventbridgeEvent: perMillion(1, "event", "eventbridge"),
  schedulerInvocation: perMillion(1, "invocation", "eventbridge"),
  kmsKey: per(1, "key-month", "kms"),
  kmsRequest: per(0.03 / 10_000, "request", "kms"),
  traceRecorded: perMillion(5, "trace", "xray"),
  /** Run Command, State Manager and standard parameters of EC2 instances. */
  systemsManager: per(0, "command", "systems-manager"),
} as const satisfies Record<string, Price>;
export type PriceName = keyof typeof prices;
