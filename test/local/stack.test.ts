/** What the local stack has that the pipeline needs around it: page, alarms, rescue, functions that die, one clock. */
import { CloudWatchClient, DescribeAlarmsCommand, GetMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeInstancesCommand, EC2Client } from "@aws-sdk/client-ec2";
import { DescribeInstanceInformationCommand, SSMClient } from "@aws-sdk/client-ssm";
import { afterEach, expect, test } from "vitest";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import type { Publication } from "../../local/endpoint/sns.ts";
import { readScenario } from "../../local/scenario.ts";
import {
  chatTopicArn,
  type LocalStack,
  type LocalStackOptions,
  startLocalStack,
  topicArn,
} from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import { healthyWorld, patchWorld } from "../../local/world.ts";
import { clientOptions } from "./endpoint/clients.ts";

const instanceId = "i-0a1b2c3d4e5f67890";
let stack: LocalStack;
let published: Publication[];
afterEach(() => stack.stop());

const start = async (options: Partial<LocalStackOptions> = {}, scenario = "healthy") => {
  published = [];
  stack = await startLocalStack({
    instances: { [instanceId]: { host: recordedStage(readScenario(scenario)).host, type: "t3.micro" } },
    mode: "apply",
    approvalSeconds: 60,
    clock: fastClock(),
    onPublish: (publication) => published.push(publication),
    ...options,
  });
  return stack;
};

test("an incident is in the store, told on both topics, and its instance free again", async () => {
  const { start: begin } = await start();
  const execution = begin({ instanceId });
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "healthy" } });
  const record = await stack.incidentOf(execution.arn);
  expect(record).toMatchObject({
    incident: { instanceId },
    execution: execution.arn,
    status: "closed",
    closing: { outcome: "healthy" },
  });
  expect(await stack.incidents()).toEqual([record]);
  expect(await stack.instance(instanceId)).toMatchObject({
    open: null,
    closed: { incidentId: record?.incident.id },
  });
  expect(published.map(({ topicArn: topic }) => topic)).toEqual([topicArn, chatTopicArn]);
  const publishes = stack.requests().filter(({ service }) => service === "sns");
  expect(publishes.map(({ operation }) => operation)).toEqual(["Publish", "Publish"]);
});

test("the approval page is served, and knows no incident that is not there", async () => {
  const { pageUrl } = await start();
  const answer = await fetch(`${pageUrl}/incidents/inc-nothing-here?key=none`);
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect(answer.status).toBeLessThan(500);
  expect(answer.headers.get("content-type")).toContain("text/html");
});

test("an alarm has the state that the test says it has, at any time; one that is not there is not found", async () => {
  const alarms: Record<string, "OK" | "ALARM"> = { conntrack: "ALARM" };
  const { url } = await start({ alarms });
  const client = new CloudWatchClient(clientOptions(url));
  const stateOf = async (name: string) => {
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames: [name] }));
    return MetricAlarms?.map(({ StateValue }) => StateValue);
  };
  expect(await stateOf("conntrack")).toEqual(["ALARM"]);
  alarms.conntrack = "OK";
  expect(await stateOf("conntrack")).toEqual(["OK"]);
  expect(await stateOf("another")).toEqual([]);
});

/** An execution that is aborted while it holds the instance. */
const abort = async (options: Partial<LocalStackOptions> = {}) => {
  const collecting = Promise.withResolvers<void>();
  await start({
    ...options,
    onEvent: ({ type, state }) => {
      if (type === "StateEntered" && state === "CollectEvidence") collecting.resolve();
    },
  });
  const execution = stack.start({ instanceId });
  await collecting.promise;
  expect(await stack.instance(instanceId)).toMatchObject({ open: { execution: execution.arn } });
  execution.stop();
  await execution.finished;
  await stack.settled();
  return execution;
};
test("the end of an aborted execution reaches RescueIncident, which frees the instance and tells people", async () => {
  const { arn } = await abort();
  expect(await stack.instance(instanceId)).toMatchObject({ open: null });
  expect(await stack.incidentOf(arn)).toMatchObject({ status: "closed", closing: { outcome: "failed" } });
  expect(published.some(({ topicArn: topic }) => topic === topicArn)).toBe(true);
});

test("without the rule nobody hears of it", async () => {
  const { arn } = await abort({ eventDeliveries: 0 });
  expect(await stack.instance(instanceId)).toMatchObject({ open: { execution: arn } });
  expect(published).toEqual([]);
});

test("a function that dies after an effect is run again, and the machine comes to the same end", async () => {
  const killed: string[] = [];
  await start({
    kill: ({ functionName, operation, n }) => {
      const dies = functionName === "open-incident" && n === 2 && killed.length === 0;
      if (dies) killed.push(`${functionName} after ${operation}`);
      return dies;
    },
  });
  const execution = stack.start({ instanceId });
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "healthy" } });
  expect(killed).toHaveLength(1);
  expect(execution.history().filter(({ type }) => type === "RetryScheduled")).toMatchObject([
    { state: "OpenIncident", error: "Runtime.ExitError" },
  ]);
  expect(await stack.incidents()).toHaveLength(1);
});

test("a fault of SNS hits what the machine itself publishes, which tries again", async () => {
  await start({
    fault: (service, _operation, _input, n) =>
      service === "sns" && n <= 2
        ? new AwsError("InternalErrorException", "down", { status: 500 })
        : undefined,
  });
  const execution = stack.start({ instanceId });
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED" });
  const retries = execution.history().filter(({ type }) => type === "RetryScheduled");
  expect(retries.map(({ error }) => error)).toEqual(Array(2).fill("SNS.InternalErrorException"));
  expect(published).toHaveLength(2);
});

test("functions live by the machine's clock, hours after nobody answered", async () => {
  await start({ mode: "approve", approvalSeconds: 14_400 }, "conntrack-table-full");
  const execution = stack.start({ instanceId });
  const { startedAt, stoppedAt } = await execution.finished;
  expect((stoppedAt - startedAt) / 1000).toBeGreaterThan(14_400);
  const { incident, requests, closing } = (await stack.incidentOf(execution.arn))!;
  expect(requests).toMatchObject([{ decided: { decision: "nobody" } }]);
  const hours = (Date.parse(closing!.at) - Date.parse(incident.openedAt)) / 3_600_000;
  expect(hours).toBeGreaterThan(4);
  expect(hours).toBeLessThan(4.1);
});

test("an instance to which the world gives no agent is unknown to Systems Manager", async () => {
  const world = healthyWorld();
  patchWorld(world, { agents: { [instanceId]: null } });
  const { url } = await start({ world });
  const client = new SSMClient(clientOptions(url));
  const { InstanceInformationList } = await client.send(new DescribeInstanceInformationCommand({}));
  expect(InstanceInformationList).toEqual([]);
});

test("an instance that the world does not have is added to it, with our tag and its own", async () => {
  const other = "i-0123456789abcdef0";
  const { host } = recordedStage(readScenario("healthy"));
  const { url } = await start({ instances: { [other]: { host, type: "t4g.nano", tags: { a: "b" } } } });
  const client = new EC2Client(clientOptions(url));
  const { Reservations } = await client.send(new DescribeInstancesCommand({ InstanceIds: [other] }));
  expect(Reservations?.[0]?.Instances).toMatchObject([
    {
      InstanceType: "t4g.nano",
      Tags: [
        { Key: "nat-medic:enabled", Value: "true" },
        { Key: "a", Value: "b" },
      ],
      PrivateIpAddress: "10.60.200.11",
    },
  ]);
});

test("an instance is monitored and quiet, unless its metric is given, be it without a value", async () => {
  const metric = {
    Namespace: "NatMedic",
    MetricName: "ConntrackUtilization",
    Dimensions: [{ Name: "InstanceId", Value: instanceId }],
  };
  const points = async (url: string) => {
    const { MetricDataResults } = await new CloudWatchClient(clientOptions(url)).send(
      new GetMetricDataCommand({
        StartTime: new Date(Date.now() - 3 * 3_600_000),
        EndTime: new Date(),
        MetricDataQueries: [{ Id: "m", MetricStat: { Metric: metric, Period: 60, Stat: "Maximum" } }],
      }),
    );
    return MetricDataResults?.[0]?.Values ?? [];
  };
  const quiet = await points((await start()).url);
  expect(quiet.length).toBeGreaterThan(170);
  expect(new Set(quiet)).toEqual(new Set([12]));
  await stack.stop();
  const series = [
    {
      namespace: "NatMedic",
      metricName: "ConntrackUtilization",
      dimensions: { InstanceId: instanceId },
      points: [],
    },
  ];
  expect(await points((await start({ series })).url)).toEqual([]);
});

test("an execution of the same name is started once, however often a function asks", async () => {
  await start();
  const parent = structuredClone(alarm());
  await Promise.all([stack.start(parent, "one").finished, stack.start(parent, "one").finished]);
  const names = stack.executions().map(({ name }) => name);
  expect(names.filter((name) => name.startsWith("one-"))).toHaveLength(2);
});

/** An event about two instances, which the machine turns into one execution each. */
function alarm() {
  const metricOf = (InstanceId: string) => ({
    id: "m",
    metricStat: {
      metric: { namespace: "NatMedic", name: "ConntrackUtilization", dimensions: { InstanceId } },
    },
  });
  return {
    id: "event",
    "detail-type": "CloudWatch Alarm State Change",
    source: "aws.cloudwatch",
    time: "2026-11-20T03:12:44Z",
    detail: {
      alarmName: "both",
      state: { value: "ALARM", reason: "above" },
      configuration: { metrics: [metricOf(instanceId), metricOf("i-0b1b2c3d4e5f67890")] },
    },
  };
}
