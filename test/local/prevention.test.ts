/** The daily look over a fleet, with the real functions on the embedded AWS: one message that names what will fail. */
import { join } from "node:path";
import { CloudWatchClient, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import * as z from "zod/mini";
import { root } from "../../build/layout.ts";
import { publishedMetrics } from "../../core/metrics.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import type { Publication } from "../../local/endpoint/sns.ts";
import type { HostAnswer, NatHost } from "../../local/host.ts";
import { readScenario } from "../../local/scenario.ts";
import {
  account,
  chatTopicArn,
  type LocalStack,
  region,
  startLocalStack,
  topicArn,
} from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import { deployedResources } from "../../local/template.ts";
import { healthyWorld, natA, natB } from "../../local/world.ts";
import { large } from "../core/prevention/looks.ts";

const filling = natA;
const losing = natB;
const quiet = ["i-0d1b2c3d4e5f67890", "i-0e1b2c3d4e5f67890", "i-0f1b2c3d4e5f67890"];
const fleet = [filling, losing, ...quiet];

let stack: LocalStack;
let published: Publication[] = [];
beforeAll(async () => {
  stack = await startLocalStack({
    world: healthyWorld(),
    instances: Object.fromEntries(fleet.map((id) => [id, { host: largerHost(), type: "t3.small" } as const])),
    series: fleet.map(publishing),
    mode: "propose",
    approvalSeconds: 60,
    clock: fastClock(),
    fleetConcurrency: 2,
    pace: 10,
    onPublish: (publication) => published.push(publication),
  });
  await publish(filling, "ConntrackUtilization", (day) => 48 + 3 * day);
  await publish(losing, "EnaConntrackHeadroom", (day) => 60_000 - 3_000 * day);
  await publish(quiet[0] ?? "", "ConntrackUtilization", (day) => 30 + (day % 3));
}, 120_000);
beforeEach(() => {
  published = [];
});
afterAll(() => stack.stop());

/** The recorded host, in a machine of a size at which the kernel's own table is no finding. */
function largerHost(): NatHost {
  const { host } = recordedStage(readScenario("healthy"));
  const { memory, conntrack, uptime } = large();
  const enlarged = (answer: HostAnswer): HostAnswer =>
    answer.kind === "exited"
      ? { ...answer, stdout: JSON.stringify({ ...JSON.parse(answer.stdout), memory, conntrack, uptime }) }
      : answer;
  return { ...host, run: async (command) => enlarged(await host.run(command)) };
}

/** The last hour of a publisher, since each instance here has one. */
const publishing = (InstanceId: string): MetricSeries => ({
  namespace: "NatMedic",
  metricName: "ConntrackUtilization",
  dimensions: { InstanceId },
  points: Array.from({ length: 120 }, (_, minute) => ({
    at: new Date(Date.now() + (minute - 60) * 60_000),
    value: 12,
  })),
});

/** Once a day at noon over the last fortnight, as its publisher would have. */
async function publish(
  instanceId: string,
  metric: keyof typeof publishedMetrics,
  value: (day: number) => number,
): Promise<void> {
  const client = new CloudWatchClient({
    endpoint: stack.url,
    region,
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  const today = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  await client.send(
    new PutMetricDataCommand({
      Namespace: "NatMedic",
      MetricData: Array.from({ length: 14 }, (_, day) => ({
        MetricName: metric,
        Dimensions: [{ Name: "InstanceId", Value: instanceId }],
        Timestamp: new Date(today - (14 - day) * 86_400_000 + 43_200_000),
        Value: value(day),
        Unit: publishedMetrics[metric].unit,
      })),
    }),
  );
  client.destroy();
}

/** What the template's own schedule starts the fleet's machine with. */
function scheduledInput(): unknown {
  const place = { account, region };
  const deployment = { file: join(root, "template.yaml"), stackName: "nat-medic", place };
  const [schedule] = deployedResources(deployment, "AWS::Scheduler::Schedule");
  const { Target } = z.parse(z.object({ Target: z.object({ Input: z.string() }) }), schedule?.properties);
  return JSON.parse(Target.Input);
}

/** One run, and the mails of it. */
async function look(): Promise<Publication[]> {
  const run = stack.startFleet(scheduledInput());
  const { status, output, error, cause } = await run.finished;
  expect([status, error, cause]).toEqual(["SUCCEEDED", undefined, undefined]);
  expect(output).toMatchObject({ told: true });
  return published.filter(({ topicArn: topic }) => topic === topicArn);
}

const flat = (text: string) => text.replace(/\s+/g, " ");

test("two of five will fail: one mail says which, when and what to do, and names no other", async () => {
  const mails = await look();
  expect(mails).toHaveLength(1);
  const [{ subject = "", message = "" } = {}] = mails;
  expect(subject).toMatch(/^NAT Medic looks ahead: 2 of 5 NAT instances need attention/);
  expect(flat(message)).toContain("New 2 findings on 2 NAT instances Still there nothing");
  expect(message).toMatch(new RegExp(`    ${filling}: about \\d{4}-\\d{2}-\\d{2}, in 4 days \\(new\\)`));
  expect(message).toContain("sysctl -w net.netfilter.nf_conntrack_max=262144");
  expect(message).toMatch(new RegExp(`    ${losing}: about \\d{4}-\\d{2}-\\d{2}, in 6 days \\(new\\)`));
  for (const id of quiet) expect(message).not.toContain(id);
  expect(published.filter(({ topicArn: topic }) => topic === chatTopicArn)).toHaveLength(1);
});

test("on the next look they are still there", async () => {
  const [{ message = "" } = {}, ...others] = await look();
  expect(others).toEqual([]);
  expect(flat(message)).toContain("New nothing Still there 2 findings on 2 NAT instances");
  expect(message).toMatch(new RegExp(`${filling}: about .*, in 4 days \\(still there, since `));
});

test("nothing was changed, opened or locked by it", async () => {
  expect(await stack.incidents()).toEqual([]);
  expect(stack.executions()).toEqual([]);
  const sent = stack.requests().filter(({ operation }) => operation === "SendCommand");
  expect(new Set(sent.map(({ input }) => JSON.stringify(input).match(/NatMedic-\w+/)?.[0]))).toEqual(
    new Set(["NatMedic-CollectHostEvidence"]),
  );
});
