import {
  DescribeExecutionCommand,
  DescribeStateMachineCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  GetExecutionHistoryCommand,
  InvalidExecutionInput,
  InvalidName,
  InvalidOutput,
  InvalidToken,
  ListStateMachinesCommand,
  paginateListExecutions,
  SendTaskFailureCommand,
  SendTaskHeartbeatCommand,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  StateMachineDoesNotExist,
  StopExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from "@aws-sdk/client-sfn";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Machine, stepfunctions } from "../../../local/endpoint/stepfunctions.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";
import { askingMachine } from "./machine.ts";

let asked: PromiseWithResolvers<string>;
let machine: Machine;
let endpoint: Endpoint;
let client: SFNClient;
beforeEach(async () => {
  asked = Promise.withResolvers();
  machine = askingMachine((token) => asked.resolve(token));
  endpoint = await startEndpoint({ services: [stepfunctions({ machines: [machine] })] });
  client = new SFNClient(clientOptions(endpoint.url));
});
afterEach(async () => {
  for (const execution of machine.executions()) execution.stop();
  await endpoint.close();
});

const start = (input: unknown, name?: string, stateMachineArn = machine.arn) =>
  client.send(
    new StartExecutionCommand({
      stateMachineArn,
      name,
      input: typeof input === "string" ? input : JSON.stringify(input),
    }),
  );
const describe = (executionArn = "") => client.send(new DescribeExecutionCommand({ executionArn }));
const finished = () => machine.executions().at(-1)?.finished;

test("an execution that succeeds is described with its output and its end", async () => {
  const { executionArn, startDate } = await start({ a: 1 }, "one");
  await finished();
  expect(executionArn).toMatch(/:execution:asking:one$/);
  expect(await describe(executionArn)).toMatchObject({
    name: "one",
    status: "SUCCEEDED",
    startDate,
    stopDate: expect.any(Date),
    input: '{"a":1}',
    output: '{"a":1}',
    stateMachineArn: machine.arn,
  });
});

test("an execution without a name gets one of its own", async () => {
  const [one, two] = [await start({}), await start({})];
  expect(one.executionArn).not.toBe(two.executionArn);
});

test("the same start again is answered as the first while that runs", async () => {
  const first = await start({ ask: true }, "same");
  await asked.promise;
  expect(await start('{ "ask": true }', "same")).toMatchObject({
    executionArn: first.executionArn,
    startDate: first.startDate,
  });
  expect(machine.executions()).toHaveLength(1);
});

test("a name is taken by another input, and for good by an execution that has ended", async () => {
  await start({ ask: true }, "taken");
  await expect(start({ ask: true, b: 2 }, "taken")).rejects.toBeInstanceOf(ExecutionAlreadyExists);
  await start({}, "over");
  await finished();
  await expect(start({}, "over")).rejects.toBeInstanceOf(ExecutionAlreadyExists);
});

test("a person's answer ends the wait and becomes the result", async () => {
  const { executionArn } = await start({ ask: true });
  const taskToken = await asked.promise;
  expect((await describe(executionArn)).status).toBe("RUNNING");
  await client.send(new SendTaskHeartbeatCommand({ taskToken }));
  await client.send(new SendTaskSuccessCommand({ taskToken, output: '{"approved":true}' }));
  await finished();
  expect(await describe(executionArn)).toMatchObject({
    status: "SUCCEEDED",
    output: '{"answer":{"approved":true}}',
  });
});

test("a person's refusal fails the execution under the name it gives", async () => {
  const { executionArn } = await start({ ask: true });
  const taskToken = await asked.promise;
  await client.send(new SendTaskFailureCommand({ taskToken, error: "Rejected", cause: "not now" }));
  await finished();
  expect(await describe(executionArn)).toMatchObject({
    status: "FAILED",
    error: "Rejected",
    cause: "not now",
  });
});

test("the second answer with a token is too late", async () => {
  await start({ ask: true });
  const taskToken = await asked.promise;
  await client.send(new SendTaskSuccessCommand({ taskToken, output: "1" }));
  await expect(client.send(new SendTaskSuccessCommand({ taskToken, output: "2" }))).rejects.toBeInstanceOf(
    TaskTimedOut,
  );
  await expect(client.send(new SendTaskHeartbeatCommand({ taskToken }))).rejects.toBeInstanceOf(TaskTimedOut);
});

test("a token of nobody is told from a token that is none, and output that is no JSON from both", async () => {
  const succeed = (taskToken: string, output = "1") =>
    client.send(new SendTaskSuccessCommand({ taskToken, output }));
  await expect(succeed("00000000-0000-0000-0000-000000000000")).rejects.toBeInstanceOf(TaskDoesNotExist);
  await expect(succeed("nonsense")).rejects.toBeInstanceOf(InvalidToken);
  await start({ ask: true });
  await expect(succeed(await asked.promise, "{nonsense")).rejects.toBeInstanceOf(InvalidOutput);
});

test("an execution that is stopped tells why", async () => {
  const { executionArn } = await start({ ask: true });
  await client.send(new StopExecutionCommand({ executionArn, error: "Stopped", cause: "by hand" }));
  expect(await describe(executionArn)).toMatchObject({
    status: "ABORTED",
    error: "Stopped",
    cause: "by hand",
  });
});

test("the history has Step Functions' own event names and numbers", async () => {
  const { executionArn } = await start({ ask: true });
  await client.send(new SendTaskSuccessCommand({ taskToken: await asked.promise, output: "1" }));
  await finished();
  const { events = [] } = await client.send(new GetExecutionHistoryCommand({ executionArn }));
  expect(events.map(({ type }) => type)).toEqual([
    "ExecutionStarted",
    "ChoiceStateEntered",
    "ChoiceStateExited",
    "TaskStateEntered",
    "TaskScheduled",
    "TaskSubmitted",
    "TaskSucceeded",
    "TaskStateExited",
    "SucceedStateEntered",
    "SucceedStateExited",
    "ExecutionSucceeded",
  ]);
  expect(events.map(({ id }) => id)).toEqual(events.map((_, index) => index + 1));
  expect(events[3]).toMatchObject({ stateEnteredEventDetails: { name: "Ask", input: '{"ask":true}' } });
  const latest = await client.send(
    new GetExecutionHistoryCommand({ executionArn, reverseOrder: true, maxResults: 2 }),
  );
  expect(latest.events?.map(({ id }) => id)).toEqual([11, 10]);
  expect(latest.nextToken).toBeDefined();
});

test("executions are listed newest first, by status, page by page", async () => {
  for (const name of ["a", "b", "c"]) await start({}, name);
  await finished();
  await start({ ask: true }, "waiting");
  const names: (string | undefined)[] = [];
  for await (const { executions = [] } of paginateListExecutions(
    { client, pageSize: 2 },
    { stateMachineArn: machine.arn, statusFilter: "SUCCEEDED" },
  )) {
    names.push(...executions.map(({ name }) => name));
  }
  expect(names).toEqual(["c", "b", "a"]);
});

test("executions that were started from inside are known like any other", async () => {
  const { arn, finished: end } = machine.start("from-inside", { b: 2 });
  await end;
  expect(await describe(arn)).toMatchObject({ name: "from-inside", input: '{"b":2}', status: "SUCCEEDED" });
});

test("the machine is listed and described with its definition", async () => {
  const { stateMachines } = await client.send(new ListStateMachinesCommand());
  expect(stateMachines).toMatchObject([{ stateMachineArn: machine.arn, name: "asking", type: "STANDARD" }]);
  const { definition } = await client.send(new DescribeStateMachineCommand({ stateMachineArn: machine.arn }));
  expect(definition).toBe(machine.definition);
});

test.each([
  ["has a blank", "a b"],
  ["has a slash", "a/b"],
  ["is empty", ""],
  ["is too long", "n".repeat(81)],
])("a name that %s is refused", async (_why, name) => {
  await expect(start({}, name)).rejects.toBeInstanceOf(InvalidName);
});

test.each([
  ["is no JSON", "{nonsense"],
  ["is above 256 KiB", JSON.stringify("x".repeat(262_144))],
])("an input that %s is refused", async (_why, input) => {
  await expect(start(input)).rejects.toBeInstanceOf(InvalidExecutionInput);
});

test("what does not exist is said not to", async () => {
  await expect(start({}, "n", `${machine.arn}-2`)).rejects.toBeInstanceOf(StateMachineDoesNotExist);
  await expect(describe("arn:none")).rejects.toBeInstanceOf(ExecutionDoesNotExist);
});
