/** An answer on its way from a person to a state machine that waits: interrupted anywhere, and given twice. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createIncident, keepRequest, readIncident, renewRequest } from "../../aws/incident-store.ts";
import { answerTask, startExecution } from "../../aws/stepfunctions.ts";
import type { Decided, DecisionRequest } from "../../core/decision.ts";
import { answerRequest, deliver } from "../../functions/answer-request.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { type Dynamodb, startDynamodb } from "../../local/endpoint/dynamodb.ts";
import { type Machine, stepfunctions } from "../../local/endpoint/stepfunctions.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import { askedIncident } from "../core/recorded-incident.ts";
import { askingMachine } from "../local/endpoint/machine.ts";

const table = "nat-medic-incidents";
const id = "inc-20261120t031250z-d4e5f678-abcdef012345";
const now = "2026-11-20T03:20:00.000Z";
const late = "2026-11-20T07:13:01.000Z";
const approve: Decided = { decision: "approve", by: "Ana, 192.0.2.7", note: "go", at: now };
const reject: Decided = { ...approve, decision: "reject", by: "Bo" };

let port: number | undefined;
let dynamodb: Dynamodb;
let endpoint: Endpoint;
let machine: Machine;
/** The operation that fails, without having been carried out. */
let broken = "";
let asked: PromiseWithResolvers<string>;
let request: DecisionRequest;

beforeEach(async () => {
  broken = "";
  asked = Promise.withResolvers();
  machine = askingMachine((token) => asked.resolve(token));
  dynamodb = await startDynamodb([table]);
  endpoint = await startEndpoint({
    // The clients keep the address that they saw first.
    ...(port === undefined ? {} : { port }),
    services: [dynamodb.service, stepfunctions({ machines: [machine] })],
    fault: (_, operation) =>
      operation === broken ? new AwsError("AccessDeniedException", "broken") : undefined,
  });
  port = Number(new URL(endpoint.url).port);
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: endpoint.url,
    AWS_REGION: "us-east-1",
    AWS_ACCESS_KEY_ID: "local",
    AWS_SECRET_ACCESS_KEY: "local",
  });
  await startExecution(machine.arn, "one", { ask: true });
  const record = askedIncident();
  request = { ...record.requests[0]!, taskToken: await asked.promise };
  await createIncident(table, record.incident, record.execution, record.triggers[0]!);
  await keepRequest(table, id, request);
});
afterEach(async () => {
  for (const execution of machine.executions()) execution.stop();
  await endpoint.close();
  await dynamodb.close();
});

const kept = async () => (await readIncident(table, id))!.requests[0]!;
const output = async () => (await machine.executions()[0]!.finished).output;
const sent = () => endpoint.requests().filter(({ operation }) => operation === "SendTaskSuccess").length;

test.each([
  ["approved", approve],
  ["rejected", reject],
] as const)(
  "%s: on record, heard by the state machine with all that is known, and noted as heard",
  async (state, answer) => {
    expect(await answerRequest(table, id, request, answer, now)).toBe(state);
    expect(await output()).toEqual({ answer });
    expect(await kept()).toMatchObject({ decided: answer, delivered: true });
  },
);

test("what a person writes is kept as plain lines of bounded length", async () => {
  await answerRequest(
    table,
    id,
    request,
    { ...approve, by: "A\u202e<b>\n".repeat(200), note: "[x](https://evil.example)\u0007".repeat(100) },
    now,
  );
  const { decided } = await kept();
  expect(decided?.by).toMatch(/^[\p{L}\p{N} .]{1,200}$/u);
  expect(decided?.note.length).toBeLessThanOrEqual(500);
  expect(decided?.note).not.toMatch(/[[\]<>\p{Cc}]|:\/\//u);
});

describe("the first answer stands", () => {
  test("whoever comes second gets to know it, and the state machine is not told again", async () => {
    await answerRequest(table, id, request, approve, now);
    expect(await answerRequest(table, id, request, reject, now)).toBe("approved");
    expect(await answerRequest(table, id, await kept(), reject, now)).toBe("approved");
    expect(await kept()).toMatchObject({ decided: approve });
    expect(sent()).toBe(1);
  });

  test("of many at once", async () => {
    const many = [approve, reject, { ...approve, by: "Cy" }, { ...reject, by: "Di" }];
    const answers = await Promise.all(many.map((answer) => answerRequest(table, id, request, answer, now)));
    const { decided } = await kept();
    const stands = decided?.decision === "approve" ? "approved" : "rejected";
    // Whoever delivers second finds that the task waits no more.
    for (const answer of answers) expect([stands, "too-late"]).toContain(answer);
    expect(answers).toContain(stands);
    expect(await output()).toEqual({ answer: decided });
  });

  test("a withdrawal stands too, and one after an answer does nothing", async () => {
    const withdrawal: Decided = { decision: "withdrawn", by: "the alarm", note: "", at: now };
    await answerRequest(table, id, request, withdrawal, late);
    expect(await answerRequest(table, id, request, approve, now)).toBe("withdrawn");
    expect(await output()).toEqual({ answer: withdrawal });
  });
});

test("after its time an answer is not recorded, and the state machine hears nothing", async () => {
  expect(await answerRequest(table, id, request, approve, late)).toBe("lapsed");
  expect(await kept()).toMatchObject({ decided: null, delivered: false });
  expect(sent()).toBe(0);
});

describe("interrupted", () => {
  test("before Step Functions heard of it: the recorded answer is delivered, whatever is said the second time", async () => {
    broken = "SendTaskSuccess";
    await expect(answerRequest(table, id, request, approve, now)).rejects.toThrow("broken");
    expect(await kept()).toMatchObject({ decided: approve, delivered: false });
    broken = "";
    expect(await answerRequest(table, id, request, reject, now)).toBe("approved");
    expect(await output()).toEqual({ answer: approve });
    expect(await kept()).toMatchObject({ delivered: true });
  });

  test("before it was noted as heard: said again, which does nothing", async () => {
    await answerRequest(table, id, request, approve, now);
    expect(await deliver(table, id, { ...(await kept()), delivered: false }, now)).toBe("too-late");
    expect(await output()).toEqual({ answer: approve });
  });

  test("and meanwhile the state machine waits with another token: that one is answered", async () => {
    await renewRequest(table, id, request.secretHash, request.taskToken);
    const old = { ...request, taskToken: "00000000-0000-4000-8000-000000000000" };
    expect(await answerRequest(table, id, old, approve, now)).toBe("approved");
    expect(await output()).toEqual({ answer: approve });
  });
});

test("a state machine that waits no more is told of as such", async () => {
  machine.executions()[0]!.stop();
  expect(await answerRequest(table, id, request, approve, now)).toBe("too-late");
  expect(await kept()).toMatchObject({ decided: approve, delivered: false });
});

test("a request that the store does not have is an error, and so is a token that was cut on its way", async () => {
  const unknown = { ...request, secretHash: "f".repeat(64) };
  await expect(answerRequest(table, id, unknown, approve, now)).rejects.toThrow("no such request");
  await expect(answerTask("cut", approve)).rejects.toThrow("Invalid Token");
});

test("an execution of the same name is started once", async () => {
  await startExecution(machine.arn, "two", { a: 1 });
  await machine.executions()[1]!.finished;
  await startExecution(machine.arn, "two", { a: 1 });
  await startExecution(machine.arn, "two", { b: 2 });
  expect(machine.executions()).toHaveLength(2);
  broken = "StartExecution";
  await expect(startExecution(machine.arn, "three", {})).rejects.toThrow("broken");
});
