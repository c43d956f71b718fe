import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  type GetMetricDataCommandInput,
  PutMetricDataCommand,
  ValidationException,
} from "@aws-sdk/client-cloudwatch";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cloudwatch } from "../../../local/endpoint/cloudwatch.ts";
import type { MetricSeries } from "../../../local/endpoint/metric-series.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";

const at = (time: string) => new Date(`2026-11-21T${time}Z`);
const dimensions = { InstanceId: "i-0123456789abcdef0" };
const metric = {
  Namespace: "NatMedic",
  MetricName: "ConntrackUtilization",
  Dimensions: [{ Name: "InstanceId", Value: "i-0123456789abcdef0" }],
};

let series: MetricSeries[];
let endpoint: Endpoint;
let client: CloudWatchClient;
beforeEach(async () => {
  series = [
    {
      namespace: "NatMedic",
      metricName: "ConntrackUtilization",
      dimensions,
      points: [
        { at: at("10:02:10"), value: 99 },
        { at: at("10:00:00"), value: 60 },
        { at: at("10:00:30"), value: 80 },
        { at: at("10:05:00"), value: 100 },
      ],
    },
    {
      namespace: "NatMedic",
      metricName: "ConntrackUtilization",
      dimensions: { ...dimensions, Zone: "a" },
      points: [{ at: at("10:00:00"), value: 1 }],
    },
  ];
  const alarm = {
    AlarmName: "nat-full",
    StateValue: "ALARM",
    Threshold: 80,
    StateUpdatedTimestamp: at("10:06:00"),
  } as const;
  endpoint = await startEndpoint({
    services: [cloudwatch({ series, alarms: [alarm, { AlarmName: "other", StateValue: "OK" }] })],
  });
  client = new CloudWatchClient(clientOptions(endpoint.url));
});
afterEach(() => endpoint.close());

const get = async ({
  stat = "Average",
  period = 60,
  ...options
}: { stat?: string; period?: number } & Partial<GetMetricDataCommandInput> = {}) => {
  const { MetricDataResults = [] } = await client.send(
    new GetMetricDataCommand({
      StartTime: at("10:00:00"),
      EndTime: at("10:05:00"),
      MetricDataQueries: [{ Id: "m", MetricStat: { Metric: metric, Period: period, Stat: stat } }],
      ...options,
    }),
  );
  const [result] = MetricDataResults;
  const times = (result?.Timestamps ?? []).map((time) => time.toISOString().slice(11, 19));
  return { ...result, points: times.map((time, n) => [time, result?.Values?.[n]]) };
};

test("points are aggregated per period, newest first, the end excluded and gaps left out", async () => {
  expect(await get()).toMatchObject({
    Id: "m",
    Label: "ConntrackUtilization",
    StatusCode: "Complete",
    points: [
      ["10:02:00", 99],
      ["10:00:00", 70],
    ],
  });
});

test("ScanBy turns the order round", async () => {
  const { points } = await get({ ScanBy: "TimestampAscending" });
  expect(points.map(([time]) => time)).toEqual(["10:00:00", "10:02:00"]);
});

test.each([
  ["Sum", 140],
  ["Minimum", 60],
  ["Maximum", 80],
  ["SampleCount", 2],
])("%s is one of the statistics", async (stat, expected) => {
  const { points } = await get({ stat });
  expect(points.at(-1)).toEqual(["10:00:00", expected]);
});

test("a longer period takes more in", async () => {
  expect((await get({ period: 300, stat: "Maximum" })).points).toEqual([["10:00:00", 99]]);
});

test("fewer dimensions name another metric, of which nothing is known", async () => {
  const Metric = { ...metric, Dimensions: [] };
  const { points, StatusCode } = await get({
    MetricDataQueries: [{ Id: "m", MetricStat: { Metric, Period: 60, Stat: "Sum" } }],
  });
  expect({ points, StatusCode }).toEqual({ points: [], StatusCode: "Complete" });
});

test("a query that is there for another query alone returns nothing", async () => {
  const MetricStat = { Metric: metric, Period: 60, Stat: "Sum" };
  const { MetricDataResults } = await client.send(
    new GetMetricDataCommand({
      StartTime: at("10:00:00"),
      EndTime: at("10:05:00"),
      MetricDataQueries: [
        { Id: "a", MetricStat, ReturnData: false },
        { Id: "b", MetricStat },
      ],
    }),
  );
  expect(MetricDataResults?.map(({ Id }) => Id)).toEqual(["b"]);
});

const MetricStat = { Metric: metric, Period: 60, Stat: "Sum" };
test.each<[string, Partial<GetMetricDataCommandInput>]>([
  ["its end is not after its start", { EndTime: at("10:00:00") }],
  ["it has no query", { MetricDataQueries: [] }],
  ["an ID begins with a capital", { MetricDataQueries: [{ Id: "M", MetricStat }] }],
  [
    "two IDs are the same",
    {
      MetricDataQueries: [
        { Id: "m", MetricStat },
        { Id: "m", MetricStat },
      ],
    },
  ],
  [
    "its period is 45 seconds",
    { MetricDataQueries: [{ Id: "m", MetricStat: { ...MetricStat, Period: 45 } }] },
  ],
])("a request is refused when %s", async (_why, options) => {
  await expect(get(options)).rejects.toBeInstanceOf(ValidationException);
});

test.each(["p99", "constructor"])("the statistic %s is refused", async (stat) => {
  await expect(get({ stat })).rejects.toBeInstanceOf(ValidationException);
});

test("metric math is refused by name rather than evaluated wrongly", async () => {
  await expect(get({ MetricDataQueries: [{ Id: "e", Expression: "m1+m2" }] })).rejects.toThrow(
    "NotImplementedLocally: CloudWatch.GetMetricData: Expression m1+m2",
  );
});

test("what PutMetricData stores, GetMetricData returns", async () => {
  await client.send(
    new PutMetricDataCommand({
      Namespace: "NatMedic",
      MetricData: [
        { ...metric, Timestamp: at("10:03:00"), Value: 5 },
        { ...metric, Timestamp: at("10:04:00"), Values: [1, 3], Counts: [3, 1] },
        { MetricName: "New", Value: 1 },
      ],
    }),
  );
  expect((await get()).points.slice(0, 2)).toEqual([
    ["10:04:00", 1.5],
    ["10:03:00", 5],
  ]);
  expect(series.at(-1)).toMatchObject({ metricName: "New", dimensions: {}, points: [{ value: 1 }] });
});

test("alarms are described by name, prefix and state", async () => {
  const names = async (input: object) =>
    (await client.send(new DescribeAlarmsCommand(input))).MetricAlarms?.map(({ AlarmName }) => AlarmName);
  expect(await names({})).toEqual(["nat-full", "other"]);
  expect(await names({ AlarmNames: ["other"] })).toEqual(["other"]);
  expect(await names({ AlarmNamePrefix: "nat-" })).toEqual(["nat-full"]);
  expect(await names({ StateValue: "OK" })).toEqual(["other"]);
});

test("older clients get the same answer as XML", async () => {
  const form = new URLSearchParams({
    Action: "GetMetricData",
    Version: "2010-08-01",
    StartTime: "2026-11-21T10:00:00Z",
    EndTime: "2026-11-21T10:05:00Z",
    "MetricDataQueries.member.1.Id": "m",
    "MetricDataQueries.member.1.MetricStat.Metric.Namespace": "NatMedic",
    "MetricDataQueries.member.1.MetricStat.Metric.MetricName": "ConntrackUtilization",
    "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Name": "InstanceId",
    "MetricDataQueries.member.1.MetricStat.Metric.Dimensions.member.1.Value": "i-0123456789abcdef0",
    "MetricDataQueries.member.1.MetricStat.Period": "60",
    "MetricDataQueries.member.1.MetricStat.Stat": "Average",
  });
  const response = await fetch(endpoint.url, { method: "POST", body: form });
  const xml = await response.text();
  expect(response.headers.get("content-type")).toContain("text/xml");
  expect(xml).toMatch(
    /^<GetMetricDataResponse xmlns="[^"]+"><GetMetricDataResult><MetricDataResults><member>/,
  );
  expect(xml).toContain("<Timestamps><member>2026-11-21T10:02:00Z</member>");
  expect(xml).toContain("<Values><member>99</member><member>70</member></Values>");
});
