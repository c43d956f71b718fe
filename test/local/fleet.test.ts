/** Runs over many instances, with the real functions on the embedded AWS: who is worked on, who is left out, who is told. */
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import type { Publication } from "../../local/endpoint/sns.ts";
import type { Fault } from "../../local/endpoint/wire.ts";
import { readScenario } from "../../local/scenario.ts";
import { chatTopicArn, type LocalStack, startLocalStack, topicArn } from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";
import { fastClock } from "../../local/states/clock.ts";
import type { Execution } from "../../local/states/execution.ts";
import { healthyWorld, natA, natB } from "../../local/world.ts";

const second = "i-0b7c41d9a03e56f12";
const third = "i-0c95ae27d410b83f6";
const stopped = "i-0d20f8b6e7c194a35";
const foreign = "i-0e6613c9f8ad2b074";
const nowhere = "i-0f4ad70528be91c63";

let stack: LocalStack;
let published: Publication[] = [];
let fault: Fault = () => undefined;
beforeAll(async () => {
  const host = () => ({ host: recordedStage(readScenario("healthy")).host });
  const world = healthyWorld();
  delete world.instances[natB];
  stack = await startLocalStack({
    world,
    instances: {
      [natA]: { ...host(), tags: { team: "a*b" } },
      [second]: { ...host(), tags: { team: "axb" } },
      [third]: host(),
      [stopped]: host(),
      [foreign]: { ...host(), tags: { "nat-medic:enabled": "false" } },
    },
    mode: "propose",
    approvalSeconds: 60,
    clock: fastClock(),
    fleetConcurrency: 2,
    pace: 10,
    fault: (...call) => fault(...call),
    onPublish: (publication) => published.push(publication),
  });
  const off = world.instances[stopped];
  if (off !== undefined) off.State = { Name: "stopped", Code: 80 };
});
beforeEach(() => {
  published = [];
  fault = () => undefined;
});
afterAll(() => stack.stop());

/** To the end of the run, and of the executions that it started. */
async function run(input: object, name: string): Promise<{ fleet: Execution; started: Execution[] }> {
  const asked = stack.start(input, name);
  expect(await asked.finished).toMatchObject({ status: "SUCCEEDED", output: { outcome: "fleet" } });
  const fleet = stack.fleetExecutions().find((execution) => execution.name === `${name}-fleet`);
  if (fleet === undefined) throw new Error("no run was started");
  await fleet.finished;
  const started = stack.executions().filter((execution) => execution.name.startsWith(`${name}-fleet-i-`));
  await Promise.all(started.map(({ finished }) => finished));
  return { fleet, started };
}
const mails = (about: RegExp) =>
  published.filter(({ topicArn: topic, subject = "" }) => topic === topicArn && about.test(subject));

test("the whole fleet: every enrolled, running instance gets its incident, and one message tells of the run", async () => {
  const { fleet, started } = await run({ fleet: true, complaint: true }, "all");
  expect(started.map(({ name }) => name).sort()).toEqual(
    [natA, second, third].map((id) => `all-fleet-${id}`).sort(),
  );
  for (const { finished } of started) {
    const { status, error, cause } = await finished;
    expect([status, error, cause]).toEqual(["SUCCEEDED", undefined, undefined]);
  }
  const skipped = [{ instanceId: stopped, place: null, why: "it is stopped" }];
  expect(await fleet.finished).toMatchObject({
    status: "SUCCEEDED",
    output: { counts: { done: 3, failed: 0, skipped: 1 }, failures: [], skipped, told: true },
  });
  const records = (await stack.incidents()).map(({ incident }) => incident);
  expect(records.map(({ instanceId }) => instanceId).sort()).toEqual([natA, second, third].sort());
  for (const { trigger } of records) expect(trigger).toMatchObject({ kind: "manual", complaint: true });
  const [mail] = mails(/diagnosis of many/);
  expect(mail?.subject).toBe("NAT Medic, diagnosis of many: 3 started, 0 failed, 1 left out");
  expect(mail?.message).toContain(`${stopped}: it is stopped`);
  expect(published.filter(({ topicArn: topic }) => topic === chatTopicArn)).not.toHaveLength(0);
});

test("named instances: those that cannot be worked on are told by name and reason", async () => {
  const { started } = await run({ instanceIds: [natA, foreign, nowhere, stopped] }, "named");
  expect(started.map(({ name }) => name)).toEqual([`named-fleet-${natA}`]);
  const [mail] = mails(/diagnosis of many/);
  expect(mail?.subject).toContain("1 started, 0 failed, 3 left out");
  for (const line of [
    `${foreign}: it lacks the tag nat-medic:enabled`,
    `${nowhere}: EC2 knows no such instance here`,
    `${stopped}: it is stopped`,
  ]) {
    expect(mail?.message).toContain(line);
  }
});

test("a tag is taken literally, and means enrolled instances only", async () => {
  const { started } = await run({ tag: "team=a*b", mode: "propose" }, "tagged");
  expect(started.map(({ name }) => name)).toEqual([`tagged-fleet-${natA}`]);
});

test("a start that AWS refuses at first is made again, and nothing is started twice", async () => {
  fault = (_service, operation, input) =>
    operation === "StartExecution" && JSON.stringify(input).includes(second) && refusals-- > 0
      ? new AwsError("ThrottlingException", "Rate exceeded")
      : undefined;
  let refusals = 2;
  const { fleet, started } = await run({ instanceIds: [natA, second] }, "again");
  expect(started).toHaveLength(2);
  expect((await fleet.finished).output).toMatchObject({ counts: { done: 2, failed: 0, skipped: 0 } });
});

test("one that cannot be started at all stops no other, and is told by name", async () => {
  fault = (_service, operation, input) =>
    operation === "StartExecution" && JSON.stringify(input).includes(`-${second}"`)
      ? new AwsError("ThrottlingException", "Rate exceeded")
      : undefined;
  const { fleet, started } = await run({ instanceIds: [natA, second, third] }, "one");
  expect(started).toHaveLength(2);
  expect(await fleet.finished).toMatchObject({
    status: "SUCCEEDED",
    output: {
      counts: { done: 2, failed: 1, skipped: 0 },
      failures: [{ instanceId: second, state: "StartIncident", error: "StepFunctions.ThrottlingException" }],
    },
  });
  expect(mails(/1 failed/)[0]?.message).toContain(`${second}: StartIncident`);
});

test("the daily check looks at each without an incident, and what it could not look at is counted", async () => {
  fault = (service, operation, input) =>
    service === "ssm" && operation === "SendCommand" && JSON.stringify(input).includes(second)
      ? new AwsError("AccessDeniedException", "no")
      : undefined;
  const before = (await stack.incidents()).length;
  const check = stack.startFleet({ selection: { all: true }, purpose: "prevent" });
  expect(await check.finished).toMatchObject({
    status: "SUCCEEDED",
    output: {
      purpose: "prevent",
      counts: { done: 2, failed: 1, skipped: 1 },
      failures: [
        { instanceId: second, state: "CollectEvidence", error: "AccessDeniedException", cause: "no" },
      ],
    },
  });
  expect(await stack.incidents()).toHaveLength(before);
  expect(mails(/./).length).toBeGreaterThan(0);
});

test.each([
  ["a purpose that there is not", { selection: { all: true }, purpose: "destroy" }],
  ["a mode that there is not", { selection: { all: true }, mode: "aply" }],
  ["no selection", { purpose: "diagnose" }],
  ["two selections", { selection: { all: true, instanceIds: [natA] } }],
])("%s starts nothing, and a person is told", async (_, input) => {
  const begun = stack.executions().length;
  const refused = stack.startFleet(input);
  expect(await refused.finished).toMatchObject({ status: "FAILED", error: "ReportedFailure" });
  expect(stack.executions()).toHaveLength(begun);
  const [mail] = mails(/stopped/);
  expect(mail?.message).toContain("It stopped at ListInstances");
});

test("when EC2 does not answer, the run ends and people know how far it came", async () => {
  fault = (_service, operation) =>
    operation === "DescribeInstances"
      ? new AwsError("RequestLimitExceeded", "Request limit exceeded.", { status: 503 })
      : undefined;
  const broken = stack.startFleet({ selection: { all: true } });
  expect(await broken.finished).toMatchObject({ status: "FAILED", error: "ReportedFailure" });
  expect(mails(/stopped/)[0]?.message).toContain("RequestLimitExceeded");
});

test("a run whose report nobody can be given ends as unreported", async () => {
  fault = (service) =>
    service === "sns" ? new AwsError("InternalErrorException", "down", { status: 500 }) : undefined;
  const silent = stack.startFleet({ selection: { instanceIds: [nowhere] } });
  expect(await silent.finished).toMatchObject({ status: "FAILED", error: "Unreported" });
});
