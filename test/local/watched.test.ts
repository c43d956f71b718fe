/** From a metric to a fix: the template's own alarms and rules, and no hand in between. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  PutMetricAlarmCommand,
  type PutMetricAlarmCommandInput,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from "@aws-sdk/client-cloudwatch";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type PublishedMetric, publishedMetrics } from "../../core/metrics.ts";
import { readScenario } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack } from "../../local/stack.ts";
import { recordedStage, stackOn } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import { natA } from "../../local/world.ts";
import { clientOptions } from "./endpoint/clients.ts";

let stack: LocalStack;
let publishing: AbortController;
beforeEach(() => {
  publishing = new AbortController();
});
afterEach(async () => {
  publishing.abort(new Error("the test ends"));
  await stack.stop();
});

const clock = fastClock();

/** `series`: what CloudWatch has already; by default as of an instance that is published and quiet. */
async function watch(scenario: string, known: { series?: [] } = {}): Promise<CloudWatchClient> {
  stack = await startLocalStack({
    ...stackOn(recordedStage(readScenario(scenario)), [natA]),
    ...known,
    mode: "apply",
    approvalSeconds: 60,
    clock,
    watch: true,
  });
  return new CloudWatchClient(clientOptions(stack.url));
}

/** As the host's publisher would, once a minute. */
async function publish(client: CloudWatchClient, values: Partial<Record<PublishedMetric, number>>) {
  const MetricData = Object.entries(values).map(([MetricName, Value]) => ({
    MetricName,
    Dimensions: [{ Name: "InstanceId", Value: natA }],
    Timestamp: new Date(clock.now()),
    Value,
    Unit: publishedMetrics[MetricName as PublishedMetric].unit,
  }));
  await clock.working(client.send(new PutMetricDataCommand({ Namespace: "NatMedic", MetricData })));
}

test("a table that fills up is found by the fleet's alarms and fixed, and the alarms end", async () => {
  const client = await watch("conntrack-table-full", { series: [] });
  const isFixed = () =>
    stack.requests().some(({ input }) => JSON.stringify(input).includes("NatMedic-RaiseConntrackMax"));
  const publisher = async () => {
    for (let minute = 0; ; minute += 1) {
      const full = minute >= 3 && !isFixed();
      await publish(client, {
        ConntrackUtilization: full ? 100 : 12,
        ConntrackEntries: full ? 8192 : 983,
        ConntrackDrops: full ? 120 : 0,
        NatForwarding: 1,
      });
      await clock.sleep(60, publishing.signal);
    }
  };
  publisher().catch(() => {});

  const outcomes = async () => (await stack.incidents()).map(({ closing }) => closing?.outcome);
  await expect.poll(outcomes, { timeout: 90_000 }).toEqual(["fixed"]);
  const statesOfAlarms = async () => {
    const AlarmNames = ["nat-medic-fleet-drops", "nat-medic-fleet-table-filling"];
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames }));
    return MetricAlarms?.map(({ StateValue }) => StateValue);
  };
  await expect.poll(statesOfAlarms, { timeout: 30_000 }).toEqual(["OK", "OK"]);

  const [incident] = await stack.incidents();
  expect(incident?.incident).toMatchObject({
    instanceId: natA,
    trigger: { kind: "alarm", alarmName: expect.stringMatching(/^nat-medic-fleet-/) },
  });
  expect(incident?.steps[0]).toMatchObject({ step: { fix: "raise-conntrack-max" } });
  // Two alarms, each with its series and as a whole: one opens the incident, and no other opens another.
  const results = await Promise.all(stack.executions().map(({ finished }) => finished));
  const ends = results.map(({ output }) => (output as { outcome: string }).outcome);
  expect(ends.filter((outcome) => outcome === "fixed")).toHaveLength(1);
  expect(new Set(ends)).toEqual(new Set(["fixed", "joined", "ignored"]));
});

test("an instance that starts is given an alarm, and its silence is an incident from then on", async () => {
  const client = await watch("healthy", { series: [] });
  const takenBy = stack.putEvent({
    version: "0",
    id: "6a7e8feb-b491-4cf7-a9f1-bf3703467718",
    "detail-type": "EC2 Instance State-change Notification",
    source: "aws.ec2",
    account: "123456789012",
    time: new Date(clock.now()).toISOString(),
    region: "eu-central-1",
    resources: [`arn:aws:ec2:eu-central-1:123456789012:instance/${natA}`],
    detail: { "instance-id": natA, state: "running" },
  });
  expect(takenBy).toEqual(["KeepAlarmsFunctionInstanceState"]);
  await stack.settled();
  const silent = async () => {
    const AlarmNames = [`nat-medic-silent-${natA}`];
    const { MetricAlarms } = await client.send(new DescribeAlarmsCommand({ AlarmNames }));
    return MetricAlarms?.map(({ StateValue, TreatMissingData }) => `${StateValue} ${TreatMissingData}`);
  };
  expect(await silent()).toEqual(["INSUFFICIENT_DATA missing"]);

  const publisher = async () => {
    for (;;) {
      await publish(client, { ConntrackUtilization: 12, NatForwarding: 1 });
      await clock.sleep(60, publishing.signal);
    }
  };
  publisher().catch(() => {});
  await expect.poll(silent, { timeout: 30_000 }).toEqual(["OK breaching"]);
  expect(await stack.incidents()).toEqual([]);

  publishing.abort(new Error("the publisher dies"));
  const incidents = async () => (await stack.incidents()).map(({ incident }) => incident);
  await expect
    .poll(incidents, { timeout: 60_000 })
    .toMatchObject([{ instanceId: natA, trigger: { kind: "alarm", alarmName: `nat-medic-silent-${natA}` } }]);
});

test("an alarm of somebody else's that invokes our function starts an incident without any rule", async () => {
  const client = await watch("healthy");
  const alarm: PutMetricAlarmCommandInput = {
    AlarmName: "packets of a NAT instance",
    Namespace: "AWS/EC2",
    MetricName: "NetworkPacketsOut",
    Dimensions: [{ Name: "InstanceId", Value: natA }],
    Statistic: "Sum",
    Period: 60,
    EvaluationPeriods: 1,
    Threshold: 1,
    ComparisonOperator: "LessThanThreshold",
    AlarmActions: ["arn:aws:lambda:eu-central-1:123456789012:function:receive-alarm"],
  };
  await client.send(new PutMetricAlarmCommand(alarm));
  await client.send(
    new SetAlarmStateCommand({ AlarmName: alarm.AlarmName, StateValue: "ALARM", StateReason: "a test" }),
  );
  const incidents = async () => (await stack.incidents()).map(({ incident }) => incident);
  await expect
    .poll(incidents, { timeout: 60_000 })
    .toMatchObject([{ instanceId: natA, trigger: { kind: "alarm", alarmName: alarm.AlarmName } }]);
});

test("an event that no rule takes starts nothing", async () => {
  stack = await startLocalStack({ instances: {}, mode: "apply", approvalSeconds: 60, watch: true });
  expect(stack.putEvent({ source: "aws.ec2", "detail-type": "EBS Volume Notification" })).toEqual([]);
  expect(
    stack.putEvent({
      source: "aws.cloudwatch",
      "detail-type": "CloudWatch Alarm State Change",
      detail: { alarmName: "pipeline-nat-medic-functions-failing", state: { value: "ALARM" } },
    }),
  ).toEqual([]);
  expect(stack.executions()).toEqual([]);
});
