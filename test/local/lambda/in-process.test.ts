import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Functions, inProcess } from "../../../local/lambda/in-process.ts";
import { bundle, versatile } from "./bundles.ts";

let esm: ReturnType<typeof bundle>;
let cjs: ReturnType<typeof bundle>;
beforeAll(() => {
  esm = bundle({
    versatile,
    callback: "export const handler = (event, context, callback) => callback(null, 1);",
    none: "export const other = 1;",
    breaks: 'throw new RangeError("at load"); export const handler = async () => 1;',
  });
  cjs = bundle({ versatile }, "cjs");
});
afterAll(() => {
  esm.remove();
  cjs.remove();
});

let functions: Functions | undefined;
afterEach(() => functions?.stop());

const start = (options: Partial<Parameters<typeof inProcess>[0]> = {}) => {
  functions = inProcess({
    bundles: { Diagnose: esm.file("versatile"), Other: esm.file("versatile") },
    environment: { NAT_MEDIC_MODE: "propose" },
    ...options,
  });
  return functions;
};

test("a handler gets its event as JSON and the context that Lambda gives", async () => {
  const { invoke } = start({ region: "eu-central-1", timeoutSeconds: 30 });
  const result = await invoke("Diagnose", { at: new Date(0), absent: undefined });
  expect(result).toMatchObject({
    event: { at: "1970-01-01T00:00:00.000Z" },
    context: {
      awsRequestId: expect.stringMatching(/^[0-9a-f-]{36}$/),
      functionName: "Diagnose",
      functionVersion: "$LATEST",
      invokedFunctionArn: "arn:aws:lambda:eu-central-1:123456789012:function:Diagnose",
      memoryLimitInMB: "256",
      logGroupName: "/aws/lambda/Diagnose",
      remaining: expect.toSatisfy((left: number) => left > 20_000 && left <= 30_000),
    },
  });
  expect(result).not.toHaveProperty("dropped");
});

test("each function has an environment of its own, and this process keeps its", async () => {
  const { invoke } = start();
  const environment = { NAT_MEDIC_MODE: "propose", AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" };
  expect(await invoke("Diagnose", {})).toMatchObject({
    environment: { ...environment, AWS_LAMBDA_FUNCTION_NAME: "Diagnose" },
  });
  expect(await invoke("Other", {})).toMatchObject({
    environment: { ...environment, AWS_LAMBDA_FUNCTION_NAME: "Other" },
  });
  expect(process.env).not.toHaveProperty("NAT_MEDIC_MODE");
  expect(await invoke("Diagnose", {})).not.toHaveProperty("environment.PATH");
});

test("an execution environment is kept for the next event", async () => {
  const { invoke } = start();
  await invoke("Diagnose", {});
  expect(await invoke("Diagnose", {})).toMatchObject({ count: 2 });
});

test("a handler that returns nothing answers null", async () => {
  expect(await start().invoke("Diagnose", { nothing: true })).toBeNull();
});

test("an error keeps its name, in the form that Step Functions makes Error and Cause of", async () => {
  const { invoke } = start();
  const error = await invoke("Diagnose", { fail: "not ours" }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "NotOurs" });
  const cause: unknown = JSON.parse(error instanceof Error ? error.message : "null");
  expect(cause).toEqual({
    errorType: "NotOurs",
    errorMessage: "not ours",
    trace: expect.arrayContaining([expect.stringMatching(/^NotOurs: not ours/)]),
  });
  expect(await invoke("Diagnose", {})).toMatchObject({ count: 2 });
});

test("what is thrown need not be an error", async () => {
  await expect(start().invoke("Diagnose", { failWith: "text" })).rejects.toMatchObject({
    name: "string",
    payload: { errorMessage: "text" },
  });
});

test.each([
  ["spins", { spin: true }],
  ["waits", { wait: 60_000 }],
])("a handler that %s past its time is ended, and the next event starts afresh", async (_what, event) => {
  const { invoke } = start({ timeoutSeconds: 1 });
  await invoke("Diagnose", {});
  await expect(invoke("Diagnose", event)).rejects.toMatchObject({
    name: "Sandbox.Timedout",
    payload: { errorMessage: expect.stringMatching(/Task timed out after 1\.00 seconds$/) },
  });
  expect(await invoke("Diagnose", {})).toMatchObject({ count: 1 });
});

test("a handler that ends its process is an error, and the next event starts afresh", async () => {
  const { invoke } = start();
  await expect(invoke("Diagnose", { exit: true })).rejects.toMatchObject({ name: "Runtime.ExitError" });
  expect(await invoke("Diagnose", {})).toMatchObject({ count: 1 });
});

test.each([
  ["takes a callback", "callback", "Runtime.CallbackHandlerDeprecated"],
  ["exports no handler", "none", "Runtime.HandlerNotFound"],
  ["throws when it is loaded", "breaks", "RangeError"],
])("a bundle that %s fails at its first event", async (_what, name, errorType) => {
  const { invoke } = start({ bundles: { Bad: esm.file(name) } });
  await expect(invoke("Bad", {})).rejects.toMatchObject({ name: errorType });
});

test("a function that is not there has the name that Step Functions gives it", async () => {
  await expect(start().invoke("Missing", {})).rejects.toMatchObject({
    name: "Lambda.ResourceNotFoundException",
  });
});

test("a CJS bundle runs as well", async () => {
  const { invoke } = start({ bundles: { Diagnose: cjs.file("versatile") } });
  expect(await invoke("Diagnose", { a: 1 })).toMatchObject({ event: { a: 1 } });
});

test("events at once have environments of their own up to the limit, and then wait their turn", async () => {
  const { invoke } = start({ concurrency: 2 });
  const results = await Promise.all([1, 2, 3, 4, 5].map((n) => invoke("Diagnose", { n, wait: 50 })));
  expect(results).toMatchObject([1, 2, 3, 4, 5].map((n) => ({ event: { n } })));
  const counts = results.map((result) => Reflect.get(Object(result), "count"));
  expect(counts.filter((count) => count === 1)).toHaveLength(2);
});

test("an event that waits for a turn gets it when the one before dies", async () => {
  const { invoke } = start({ concurrency: 1 });
  const [dead, alive] = await Promise.allSettled([
    invoke("Diagnose", { exit: true }),
    invoke("Diagnose", {}),
  ]);
  expect(dead.status).toBe("rejected");
  expect(alive).toMatchObject({ status: "fulfilled", value: { count: 1 } });
});

test("events that still wait for a turn when all stops are told so, and start nothing", async () => {
  const started = start({ concurrency: 1 });
  const turns: Promise<unknown>[] = [];
  const ends = Promise.allSettled(
    [1, 2, 3].map(() => started.invoke("Diagnose", { wait: 60_000 }, (turn) => turns.push(turn))),
  );
  await turns[0];
  await started.stop();
  expect((await ends).map((end) => end.status === "rejected" && end.reason.name)).toEqual([
    "Runtime.ExitError",
    "Error",
    "Error",
  ]);
});

test("what a function writes goes to its log, not to this process's output", async () => {
  const logs: [string, string][] = [];
  const { invoke } = start({ onLog: (functionName, text) => logs.push([functionName, text]) });
  await invoke("Diagnose", { log: "one line" });
  await expect.poll(() => logs).toEqual([["Diagnose", "one line\n"]]);
});
