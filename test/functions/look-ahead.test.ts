/** Both functions of the daily look, against an embedded CloudWatch and DynamoDB over HTTP: from metrics to the message. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { diagnose } from "../../core/diagnosis.ts";
import type { Publication } from "../../core/notice.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import { type Dynamodb, startDynamodb } from "../../local/endpoint/dynamodb.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { type Endpoint, type Fault, startEndpoint } from "../../local/endpoint/wire.ts";
import { byHand } from "../core/captured.ts";
import { daily, incidentOf, large, morning, seen } from "../core/prevention/looks.ts";

const table = "nat-medic-incidents";
const series: MetricSeries[] = [];
let fault: Fault = () => undefined;
let dynamodb: Dynamodb;
let endpoint: Endpoint;
beforeAll(async () => {
  dynamodb = await startDynamodb([table]);
  endpoint = await startEndpoint({
    services: [dynamodb.service, cloudwatch({ series, alarms: [] })],
    fault: (...call) => fault(...call),
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    NAT_MEDIC_TABLE: table,
    NAT_MEDIC_TOPIC_ARN: "arn:aws:sns:eu-central-1:123456789012:nat-medic",
    NAT_MEDIC_CHAT_TOPIC_ARN: "arn:aws:sns:eu-central-1:123456789012:nat-medic-chat",
    NAT_MEDIC_LOOK_AHEAD_DAYS: "30",
  });
});
afterAll(async () => {
  await endpoint.close();
  await dynamodb.close();
});

/** Each test has an instance and runs of its own. */
let number = 0;
let instanceId: string;
beforeEach(() => {
  number += 1;
  instanceId = `i-${number.toString(16).padStart(17, "0")}`;
  series.length = 0;
  fault = () => undefined;
});

const context = { functionName: "look-ahead", awsRequestId: "1" };
async function lookAhead(day: number): Promise<unknown> {
  const { handler } = await import("../../functions/look-ahead/handler.ts");
  const evidence = seen(large());
  const incident = incidentOf(morning(day), instanceId);
  const event = { incident, evidence, diagnosis: diagnose(evidence, byHand), runId: runId(day) };
  return await handler(event as never, context as never);
}
const runId = (day: number) => `run-${number}-${day}`;
async function report(day: number, counts = { done: 1, failed: 0, skipped: 0 }): Promise<Publication[]> {
  const { handler } = await import("../../functions/report-prevention/handler.ts");
  const { messages } = await handler(
    { runId: runId(day), counts, failures: [], skipped: [] } as never,
    context as never,
  );
  return messages;
}
const fill = () =>
  series.push({
    namespace: "NatMedic",
    metricName: "ConntrackUtilization",
    dimensions: { InstanceId: instanceId },
    points: daily("ConntrackUtilization", (day) => 50 + 3 * day).points.map(({ at, value }) => ({
      at: new Date((at + 3600) * 1000),
      value,
    })),
  });
const asked = (operation: string) =>
  endpoint.requests().filter((request) => request.operation === operation).length;

test("a trend in CloudWatch is in the morning's message, and on the next day it is still there", async () => {
  fill();
  expect(await lookAhead(0)).toEqual({ instanceId, findings: 1 });
  const [mail, card] = await report(0);
  expect(mail?.message).toContain("New          1 finding on 1 NAT instance");
  expect(mail?.message).toContain(`${instanceId}: about 2026-11-24, in 3 days (new)`);
  expect(JSON.parse(card?.message ?? "")).toMatchObject({ source: "custom" });
  expect(await lookAhead(1)).toEqual({ instanceId, findings: 1 });
  const [next] = await report(1);
  expect(next?.message).toContain(
    `${instanceId}: about 2026-11-24, in 2 days (still there, since 2026-11-21)`,
  );
});

test("a look that is repeated after a crash says the same, and asks CloudWatch nothing", async () => {
  fill();
  await lookAhead(0);
  const before = asked("GetMetricData");
  expect(await lookAhead(0)).toEqual({ instanceId, findings: 1 });
  expect(asked("GetMetricData")).toBe(before);
  const [mail] = await report(0);
  const [again] = await report(0);
  expect(again?.subject).toBe(mail?.subject);
  expect(again?.message).toContain("(new)");
});

test("nothing found is a message once a week, and none in between", async () => {
  await lookAhead(0);
  await report(0, { done: 1, failed: 1, skipped: 0 });
  await lookAhead(1);
  expect(await report(1)).toEqual([]);
});

test("a CloudWatch that refuses is a failure of this look, and leaves nothing behind", async () => {
  fault = (_, operation) =>
    operation === "GetMetricData" ? new AwsError("AccessDenied", "No.", { status: 403 }) : undefined;
  await expect(lookAhead(0)).rejects.toMatchObject({ name: "AccessDenied" });
  expect((await dynamodb.scan(table)).some(({ instanceId: id }) => id?.S === instanceId)).toBe(false);
});
