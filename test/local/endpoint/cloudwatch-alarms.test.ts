/** Alarms over real HTTP: what is put, described, set and deleted, and what is refused. */
import {
  CloudWatchClient,
  DeleteAlarmsCommand,
  DescribeAlarmContributorsCommand,
  DescribeAlarmsCommand,
  DescribeAlarmsForMetricCommand,
  InvalidFormatFault,
  InvalidNextToken,
  ListMetricsCommand,
  ListTagsForResourceCommand,
  PutCompositeAlarmCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  ResourceNotFound,
  ResourceNotFoundException,
  SetAlarmStateCommand,
  TagResourceCommand,
  UntagResourceCommand,
  ValidationException,
} from "@aws-sdk/client-cloudwatch";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { AlarmEvent } from "../../../local/alarms/alarm-events.ts";
import { type AlarmStore, alarmStore } from "../../../local/alarms/alarm-store.ts";
import { cloudwatch } from "../../../local/endpoint/cloudwatch.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";

const InstanceId = "i-0123456789abcdef0";
const start = Date.parse("2026-11-21T10:00:00.250Z");
const arn = (name: string) => `arn:aws:cloudwatch:eu-central-1:123456789012:alarm:${name}`;
const full: PutMetricAlarmCommandInput = {
  AlarmName: "full",
  AlarmDescription: "The table is full",
  Namespace: "NatMedic",
  MetricName: "ConntrackUtilization",
  Dimensions: [{ Name: "InstanceId", Value: InstanceId }],
  Statistic: "Maximum",
  Period: 60,
  EvaluationPeriods: 1,
  Threshold: 80,
  ComparisonOperator: "GreaterThanOrEqualToThreshold",
};
const given = { AlarmName: "given", StateValue: "ALARM" } as const;

let now: number;
let events: AlarmEvent[];
let store: AlarmStore;
let endpoint: Endpoint;
let client: CloudWatchClient;
beforeEach(async () => {
  now = start;
  events = [];
  store = alarmStore({
    alarms: [given],
    place: { account: "123456789012", region: "eu-central-1" },
    now: () => now,
    onEvent: (event) => events.push(event),
  });
  const at = (minutes: number) => new Date(start - minutes * 60_000);
  const series = [
    { metricName: "ConntrackUtilization", dimensions: { InstanceId }, points: [{ at: at(1), value: 5 }] },
    {
      metricName: "EnaAllowanceExceeded",
      dimensions: { InstanceId, Allowance: "pps" },
      points: [{ at: at(300), value: 5 }],
    },
    { metricName: "Silent", dimensions: {}, points: [] },
  ].map((metric) => ({ namespace: "NatMedic", ...metric }));
  endpoint = await startEndpoint({ services: [cloudwatch({ series, store, now: () => now })] });
  client = new CloudWatchClient(clientOptions(endpoint.url));
});
afterEach(() => endpoint.close());

const put = (input: Partial<PutMetricAlarmCommandInput> = {}) =>
  client.send(new PutMetricAlarmCommand({ ...full, ...input }));
const compose = (AlarmName: string, AlarmRule: string) =>
  client.send(new PutCompositeAlarmCommand({ AlarmName, AlarmRule }));
const set = (AlarmName: string, StateValue: "OK" | "ALARM" | "INSUFFICIENT_DATA", StateReason = "by hand") =>
  client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason }));
const remove = (...AlarmNames: string[]) => client.send(new DeleteAlarmsCommand({ AlarmNames }));
const describeAlarm = async (name: string) => {
  const { MetricAlarms = [], CompositeAlarms = [] } = await client.send(
    new DescribeAlarmsCommand({ AlarmNames: [name], AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
  );
  return [...MetricAlarms, ...CompositeAlarms][0];
};

test("a new alarm is described as it was put, without enough data", async () => {
  await put();
  expect(await describeAlarm("full")).toEqual({
    ...full,
    AlarmArn: arn("full"),
    ActionsEnabled: true,
    OKActions: [],
    AlarmActions: [],
    InsufficientDataActions: [],
    StateValue: "INSUFFICIENT_DATA",
    StateReason: "Unchecked: Initial alarm creation",
    StateUpdatedTimestamp: new Date(start),
    StateTransitionedTimestamp: new Date(start),
    AlarmConfigurationUpdatedTimestamp: new Date(start),
  });
});

test("an alarm that is put again has another configuration, and the state and the tags that it had", async () => {
  await put({ Tags: [{ Key: "owner", Value: "nat-medic" }] });
  await set("full", "ALARM");
  await put({ Threshold: 90, AlarmDescription: undefined, Tags: [{ Key: "owner", Value: "another" }] });
  const alarm = await describeAlarm("full");
  expect(alarm).toMatchObject({ Threshold: 90, StateValue: "ALARM", StateReason: "by hand" });
  expect(alarm).not.toHaveProperty("AlarmDescription");
  const { Tags } = await client.send(new ListTagsForResourceCommand({ ResourceARN: arn("full") }));
  expect(Tags).toEqual([{ Key: "owner", Value: "nat-medic" }]);
});

test.each<[string, Partial<PutMetricAlarmCommandInput>]>([
  ["more data points than periods", { DatapointsToAlarm: 2 }],
  ["no threshold", { Threshold: undefined }],
  ["a period of 45 seconds", { Period: 45 }],
  ["more than a day of periods", { Period: 600, EvaluationPeriods: 145 }],
  ["a treatment that there is not", { TreatMissingData: "guess" }],
  ["a metric besides a list of metrics", { Metrics: [{ Id: "m", Expression: "1" }] }],
])("an alarm with %s is refused", async (_what, input) => {
  await expect(put(input)).rejects.toBeInstanceOf(ValidationException);
  expect(await describeAlarm("full")).toBeUndefined();
});

const stat = (Period: number) => ({
  Metric: { Namespace: "NatMedic", MetricName: "ConntrackUtilization" },
  Period,
  Stat: "Maximum",
});
const onMetrics = (Metrics: PutMetricAlarmCommandInput["Metrics"]) => {
  const { Namespace, MetricName, Dimensions, Statistic, Period, ...compared } = full;
  return client.send(new PutMetricAlarmCommand({ ...compared, Metrics }));
};
test.each([
  [
    "nothing that is watched",
    [{ Id: "m", MetricStat: stat(60), ReturnData: false }],
    "Exactly one element of the metrics list should return data.",
  ],
  [
    "two periods",
    [
      { Id: "e", Expression: "m1 + m2" },
      { Id: "m1", MetricStat: stat(60), ReturnData: false },
      { Id: "m2", MetricStat: stat(300), ReturnData: false },
    ],
    "Metrics must all have the same period",
  ],
  [
    "eleven metrics",
    [
      { Id: "e", Expression: "m0 + m10" },
      ...Array.from({ length: 11 }, (_, n) => ({ Id: `m${n}`, MetricStat: stat(60), ReturnData: false })),
    ],
    "at most 10 metrics",
  ],
  ["an ID with a capital", [{ Id: "M", MetricStat: stat(60) }], "The value M"],
])("an alarm on expressions with %s is refused", async (_what, metrics, message) => {
  await expect(onMetrics(metrics)).rejects.toThrow(message);
});

test.each([
  ["a query that cannot be read", "SELECT BEST(x) FROM NatMedic", "BEST is none of"],
  [
    "a query whose groups have no order",
    "SELECT MAX(x) FROM NatMedic GROUP BY InstanceId",
    "a query with GROUP BY needs ORDER BY in an alarm",
  ],
  ["a name that there is not", "m1 + m2", "m1 is no metric and no expression"],
  ["math that is not evaluated here", "SEARCH(' {NatMedic} ', 'Sum')", "cannot be read"],
])("an alarm on %s is refused when it is put", async (_what, Expression, message) => {
  await expect(onMetrics([{ Id: "e", Expression, Period: 60 }])).rejects.toThrow(message);
});

test("a function of metric math that is not evaluated here is refused by name", async () => {
  const metrics = [
    { Id: "e", Expression: "CEIL(m1)" },
    { Id: "m1", MetricStat: stat(60), ReturnData: false },
  ];
  await expect(onMetrics(metrics)).rejects.toThrow(
    "NotImplementedLocally: CloudWatch.PutMetricAlarm: function CEIL",
  );
});

test.each<Partial<PutMetricAlarmCommandInput>>([
  { Statistic: undefined, ExtendedStatistic: "p99" },
  { Unit: "Percent" },
  { ThresholdMetricId: "ad1" },
  { EvaluationInterval: 60 },
])("what is not evaluated here is refused by name: %o", async (input) => {
  const name = Object.entries(input).find(([, value]) => value !== undefined)?.[0];
  await expect(put(input)).rejects.toThrow(`NotImplementedLocally: CloudWatch.PutMetricAlarm: ${name}`);
});

test("a composite alarm has the state of its rule at once, and follows its children", async () => {
  await put();
  await compose("page", `ALARM("full") AND NOT ALARM(${arn("given")})`);
  expect(await describeAlarm("page")).toMatchObject({ StateValue: "OK" });
  await set("full", "ALARM");
  expect(await describeAlarm("page")).toMatchObject({ StateValue: "OK" });
  await set("given", "OK");
  const alarm = await describeAlarm("page");
  expect(alarm).toMatchObject({
    StateValue: "ALARM",
    StateReason: `${arn("given")} transitioned to OK at Saturday 21 November, 2026 10:00:00 UTC`,
  });
  expect(JSON.parse(alarm?.StateReasonData ?? "")).toEqual({
    triggeringAlarms: [
      { arn: arn("given"), state: { value: "OK", timestamp: "2026-11-21T10:00:00.250+0000" } },
    ],
  });
});

test("a composite of alarms that there are not, or with a rule that is none, is refused", async () => {
  await expect(compose("page", "ALARM(full) OR OK(nothing)")).rejects.toThrow(
    "Could not save the composite alarm as alarms [full, nothing] in the alarm rule do not exist",
  );
  await expect(compose("page", "ALARM(given) XOR OK(given)")).rejects.toBeInstanceOf(ValidationException);
  await expect(compose("given", "TRUE")).rejects.toThrow("another type exists already");
});

test("metric alarms are described unless composite ones are asked for", async () => {
  await compose("page", "ALARM(given)");
  const both = await client.send(
    new DescribeAlarmsCommand({ AlarmTypes: ["MetricAlarm", "CompositeAlarm"] }),
  );
  expect(both.MetricAlarms).toHaveLength(1);
  expect(both.CompositeAlarms).toHaveLength(1);
  const plain = await client.send(new DescribeAlarmsCommand({}));
  expect(plain.MetricAlarms).toHaveLength(1);
  expect(plain.CompositeAlarms).toEqual([]);
});

test("children and parents of an alarm are named, with little more", async () => {
  await compose("page", "ALARM(given)");
  expect(await client.send(new DescribeAlarmsCommand({ ChildrenOfAlarmName: "page" }))).toMatchObject({
    MetricAlarms: [{ AlarmName: "given", AlarmArn: arn("given"), StateValue: "ALARM" }],
    CompositeAlarms: [],
  });
  const { CompositeAlarms } = await client.send(new DescribeAlarmsCommand({ ParentsOfAlarmName: "given" }));
  expect(CompositeAlarms).toEqual([{ AlarmName: "page", AlarmArn: arn("page") }]);
  await expect(
    client.send(new DescribeAlarmsCommand({ ChildrenOfAlarmName: "page", AlarmNamePrefix: "g" })),
  ).rejects.toBeInstanceOf(ValidationException);
});

test("a list of alarms comes in pages of 50, or of what is asked for", async () => {
  await Promise.all(
    Array.from({ length: 60 }, (_, n) => put({ AlarmName: `nat-${String(n).padStart(2, "0")}` })),
  );
  const page = async (input: object) => client.send(new DescribeAlarmsCommand(input));
  const first = await page({ AlarmNamePrefix: "nat-" });
  expect(first.MetricAlarms).toHaveLength(50);
  const second = await page({ AlarmNamePrefix: "nat-", NextToken: first.NextToken });
  expect(second.MetricAlarms?.map(({ AlarmName }) => AlarmName).at(-1)).toBe("nat-59");
  expect(second.NextToken).toBeUndefined();
  expect((await page({ MaxRecords: 100 })).MetricAlarms).toHaveLength(61);
  await expect(page({ MaxRecords: 101 })).rejects.toBeInstanceOf(ValidationException);
  await expect(page({ NextToken: "somewhere" })).rejects.toBeInstanceOf(InvalidNextToken);
});

test("alarms are deleted all or none, 100 at most", async () => {
  await put();
  await expect(remove("full", "missing")).rejects.toBeInstanceOf(ResourceNotFound);
  expect(await describeAlarm("full")).toBeDefined();
  await expect(remove(...Array.from({ length: 101 }, () => "full"))).rejects.toBeInstanceOf(
    ValidationException,
  );
  await remove("full", "given");
  expect(await describeAlarm("full")).toBeUndefined();
});

test("an alarm that a composite depends on stays until the composite has gone", async () => {
  await put();
  await compose("page", "ALARM(full)");
  await expect(remove("full", "page")).rejects.toThrow(
    "Cannot delete full as there are composite alarm(s) depending on it: [page]",
  );
  await remove("page");
  await remove("full");
  expect(await describeAlarm("full")).toBeUndefined();
});

test("two composite alarms are not deleted at once", async () => {
  await compose("one", "ALARM(given)");
  await compose("two", "ALARM(given)");
  await expect(remove("one", "two")).rejects.toBeInstanceOf(ValidationException);
});

test("a state that is set is told in the words of EventBridge; the same state again is not told", async () => {
  await put();
  now += 60_000;
  await set("full", "ALARM");
  await set("full", "ALARM", "again");
  const [created, changed, ...others] = events;
  expect(created).toMatchObject({
    "detail-type": "CloudWatch Alarm Configuration Change",
    detail: { alarmName: "full", operation: "create" },
  });
  expect(changed).toEqual({
    version: "0",
    id: expect.stringMatching(/^[0-9a-f-]{36}$/),
    "detail-type": "CloudWatch Alarm State Change",
    source: "aws.cloudwatch",
    account: "123456789012",
    time: "2026-11-21T10:01:00Z",
    region: "eu-central-1",
    resources: [arn("full")],
    detail: {
      alarmName: "full",
      state: { value: "ALARM", reason: "by hand", timestamp: "2026-11-21T10:01:00.250+0000" },
      previousState: {
        value: "INSUFFICIENT_DATA",
        reason: "Unchecked: Initial alarm creation",
        timestamp: "2026-11-21T10:00:00.250+0000",
      },
      configuration: {
        description: "The table is full",
        metrics: [
          {
            id: expect.any(String),
            metricStat: {
              metric: { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: { InstanceId } },
              period: 60,
              stat: "Maximum",
            },
            returnData: true,
          },
        ],
      },
    },
  });
  expect(others).toEqual([]);
});

test("an update tells both configurations, a deletion the last one", async () => {
  await put();
  await put({ Threshold: 90 });
  await remove("full");
  expect(events.slice(1)).toMatchObject([
    {
      detail: {
        operation: "update",
        configuration: { threshold: 90, alarmName: "full", actionsEnabled: true, okActions: [] },
        previousConfiguration: { threshold: 80 },
      },
    },
    { detail: { operation: "delete", configuration: { threshold: 90 } } },
  ]);
});

test("a state cannot be set of an alarm that there is not, nor with reason data that are no JSON", async () => {
  await expect(set("missing", "ALARM")).rejects.toBeInstanceOf(ResourceNotFound);
  const bad = { AlarmName: "given", StateValue: "OK", StateReason: "x", StateReasonData: "{" } as const;
  await expect(client.send(new SetAlarmStateCommand(bad))).rejects.toBeInstanceOf(InvalidFormatFault);
});

test("contributors are told one by one, and those in ALARM described", async () => {
  await put();
  events.length = 0;
  const active = (id: string) => ({ id, attributes: { InstanceId: id }, reason: "Threshold Crossed" });
  store.setContributors("full", [active("i-1"), active("i-2")], () => "gone");
  now += 60_000;
  store.setContributors("full", [active("i-2"), active("i-3")], () => "gone");
  expect(events.map(({ detail }) => [detail.alarmContributor, detail.state])).toMatchObject([
    [
      { id: "i-1", attributes: { InstanceId: "i-1" } },
      { value: "ALARM", reason: "Threshold Crossed" },
    ],
    [{ id: "i-2" }, { value: "ALARM" }],
    [{ id: "i-3" }, { value: "ALARM" }],
    [{ id: "i-1" }, { value: "OK", reason: "gone" }],
  ]);
  expect(events[0]).toMatchObject({ "detail-type": "CloudWatch Alarm Contributor State Change" });
  expect(events[0]?.detail).not.toHaveProperty("previousState");
  const { AlarmContributors } = await client.send(
    new DescribeAlarmContributorsCommand({ AlarmName: "full" }),
  );
  expect(AlarmContributors).toEqual([
    {
      ContributorId: "i-2",
      ContributorAttributes: { InstanceId: "i-2" },
      StateReason: "Threshold Crossed",
      StateTransitionedTimestamp: new Date(start),
    },
    expect.objectContaining({ ContributorId: "i-3", StateTransitionedTimestamp: new Date(now) }),
  ]);
  const nobody = client.send(new DescribeAlarmContributorsCommand({ AlarmName: "missing" }));
  await expect(nobody).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("many contributors come in pages", async () => {
  await put();
  const many = Array.from({ length: 70 }, (_, n) => ({ id: `i-${n}`, attributes: {}, reason: "full" }));
  store.setContributors("full", many, () => "gone");
  const page = (NextToken?: string) =>
    client.send(new DescribeAlarmContributorsCommand({ AlarmName: "full", NextToken }));
  const first = await page();
  expect(first.AlarmContributors).toHaveLength(50);
  expect((await page(first.NextToken)).AlarmContributors).toHaveLength(20);
});

test("alarms are tagged by their ARN", async () => {
  const ResourceARN = arn("given");
  const tags = async () =>
    (await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags?.map(({ Key }) => Key);
  await client.send(
    new TagResourceCommand({
      ResourceARN,
      Tags: [
        { Key: "a", Value: "1" },
        { Key: "b", Value: "2" },
      ],
    }),
  );
  await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ["a"] }));
  expect(await tags()).toEqual(["b"]);
  const unknown = client.send(new ListTagsForResourceCommand({ ResourceARN: arn("missing") }));
  await expect(unknown).rejects.toBeInstanceOf(ResourceNotFoundException);
});

test("only exactly named dimensions find the alarm of a metric", async () => {
  await put();
  const names = async (Dimensions: { Name: string; Value: string }[]) =>
    (
      await client.send(
        new DescribeAlarmsForMetricCommand({
          Namespace: "NatMedic",
          MetricName: "ConntrackUtilization",
          Dimensions,
        }),
      )
    ).MetricAlarms?.map(({ AlarmName }) => AlarmName);
  expect(await names([{ Name: "InstanceId", Value: InstanceId }])).toEqual(["full"]);
  expect(await names([])).toEqual([]);
});

test("metrics are listed by some of their dimensions, and by how recent they are; a silent one is not", async () => {
  const names = async (input: object) =>
    (await client.send(new ListMetricsCommand(input))).Metrics?.map(({ MetricName }) => MetricName);
  expect(await names({})).toEqual(["ConntrackUtilization", "EnaAllowanceExceeded"]);
  expect(await names({ Dimensions: [{ Name: "InstanceId", Value: InstanceId }] })).toHaveLength(2);
  expect(await names({ Dimensions: [{ Name: "Allowance" }] })).toEqual(["EnaAllowanceExceeded"]);
  expect(await names({ Dimensions: [{ Name: "InstanceId", Value: "i-other" }] })).toEqual([]);
  expect(await names({ RecentlyActive: "PT3H" })).toEqual(["ConntrackUtilization"]);
  expect(await names({ Namespace: "NatMedic", MetricName: "Silent" })).toEqual([]);
});

test("an operation on an alarm that fails says so in the query protocol too", async () => {
  const form = new URLSearchParams({
    Action: "DeleteAlarms",
    Version: "2010-08-01",
    "AlarmNames.member.1": "missing",
  });
  const response = await fetch(endpoint.url, { method: "POST", body: form });
  expect(response.status).toBe(404);
  expect(await response.text()).toContain("<Code>ResourceNotFound</Code>");
});
