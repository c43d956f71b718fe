/** ReceiveAlarm against the embedded Step Functions. */
import { readFileSync } from "node:fs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { triage } from "../../core/triage.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { stepfunctions } from "../../local/endpoint/stepfunctions.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import type { Execution } from "../../local/states/execution.ts";

const machineArn = "arn:aws:states:eu-central-1:123456789012:stateMachine:nat-medic-remediate";
const started: Execution[] = [];
const inputs: unknown[] = [];
let endpoint: Endpoint;
let losing = false;

beforeAll(async () => {
  endpoint = await startEndpoint({
    services: [
      stepfunctions({
        machines: [
          {
            arn: machineArn,
            name: "nat-medic-remediate",
            definition: "{}",
            start: (name, input) => {
              const execution = {
                arn: `${machineArn.replace("stateMachine", "execution")}:${name}`,
                name,
                startedAt: Date.now(),
                status: () => "SUCCEEDED",
              } as unknown as Execution;
              started.push(execution);
              inputs.push(input);
              return execution;
            },
            executions: () => started,
          },
        ],
      }),
    ],
    onCarriedOut: async () => {
      if (losing) throw new AwsError("InternalServerError", "the answer is lost", { status: 500 });
    },
  });
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "eu-central-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
    NAT_MEDIC_STATE_MACHINE_ARN: machineArn,
  });
});
afterAll(() => endpoint.close());

const event = () => JSON.parse(readFileSync("events/alarm-action.json", "utf8"));
const receive = async (input: unknown) => {
  const { handler } = await import("../../functions/receive-alarm/handler.ts");
  return await handler(input as never, { functionName: "receive-alarm", awsRequestId: "1" } as never);
};

test("an invocation starts one execution with the whole event, however often Lambda tries", async () => {
  losing = true;
  await receive(event()).catch(() => {});
  losing = false;
  const { execution } = await receive(event());
  expect(await receive(event())).toEqual({ execution });
  expect(started.map(({ name }) => name)).toEqual([execution]);
  expect(inputs).toEqual([event()]);
  expect(triage(inputs[0], { now: "2026-11-20T03:12:50Z", home: null })).toMatchObject({
    decision: "open",
    instanceIds: ["i-0a1b2c3d4e5f67890"],
  });
});

test("another moment, another alarm and another series are other events", async () => {
  const names = new Set<string>();
  const { alarmData, ...around } = event();
  const series = (id: string) => ({ ...alarmData, alarmContributor: { id, attributes: {} } });
  for (const input of [
    event(),
    { ...event(), time: "2026-11-20T03:13:44.000+0000" },
    { ...event(), alarmArn: `${event().alarmArn}-b` },
    { ...around, alarmData: series("6d442278dba546f6") },
    { ...around, alarmData: series("6d442278dba546f7") },
  ]) {
    names.add((await receive(input)).execution);
  }
  expect(names.size).toBe(5);
});

test("what is no invocation by an alarm starts nothing", async () => {
  const before = started.length;
  for (const input of [{}, { ...event(), source: "me" }, { ...event(), alarmData: "x" }]) {
    await expect(receive(input)).rejects.toMatchObject({ name: "ParseError" });
  }
  expect(started).toHaveLength(before);
});
