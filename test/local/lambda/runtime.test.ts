import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Runtime, startRuntime } from "../../../local/lambda/runtime.ts";
import { runtimeClient } from "../../../local/lambda/runtime-client.ts";
import { bundle, versatile } from "./bundles.ts";

const unavailable = await runtimeClient().then(
  () => undefined,
  (error: unknown) => `Lambda's runtime client cannot be fetched, so its tests are skipped: ${error}`,
);
// Without a network these tests are skipped; where everything must run, they fail.
if (unavailable !== undefined && process.env.NAT_MEDIC_LAB === "required") throw new Error(unavailable);
if (unavailable !== undefined) console.warn(unavailable);

describe.skipIf(unavailable !== undefined)("under Lambda's own runtime client", () => {
  let esm: ReturnType<typeof bundle>;
  let cjs: ReturnType<typeof bundle>;
  beforeAll(() => {
    esm = bundle({
      versatile,
      callback: "export const handler = (event, context, callback) => callback(null, 1);",
      none: "export const other = 1;",
      breaks: 'throw new RangeError("at load"); export const handler = async () => 1;',
      hangs:
        "await new Promise((resolve) => setTimeout(resolve, 60_000)); export const handler = async () => 1;",
    });
    cjs = bundle({ versatile }, "cjs");
  });
  afterAll(() => {
    esm.remove();
    cjs.remove();
  });

  let runtime: Runtime | undefined;
  afterEach(async () => {
    await runtime?.stop();
    runtime = undefined;
  });

  const start = async (file: string, timeoutSeconds = 20) => {
    runtime = await startRuntime({
      bundle: file,
      handler: "handler.handler",
      environment: { NAT_MEDIC_MODE: "propose" },
      functionName: "Diagnose",
      timeoutSeconds,
    });
    return runtime;
  };

  test.each([
    ["ESM", () => esm.file("versatile")],
    ["CJS", () => cjs.file("versatile")],
  ])("an %s bundle answers one event after the other", async (_format, file) => {
    const { invoke, initMilliseconds } = await start(file());
    expect(initMilliseconds).toBeGreaterThan(5);
    expect(await invoke({ a: 1 })).toMatchObject({ payload: { event: { a: 1 }, count: 1 } });
    expect(await invoke({ nothing: true })).toEqual({ payload: null });
    expect(await invoke({})).toMatchObject({
      payload: {
        count: 3,
        context: { functionName: "Diagnose", memoryLimitInMB: "256", logGroupName: "/aws/lambda/Diagnose" },
        environment: { NAT_MEDIC_MODE: "propose", AWS_EXECUTION_ENV: "AWS_Lambda_nodejs24.x" },
      },
    });
  });

  test("an error has the body that Lambda answers, and the function lives on", async () => {
    const { invoke, output } = await start(esm.file("versatile"));
    expect(await invoke({ fail: "not ours" })).toEqual({
      error: {
        errorType: "NotOurs",
        errorMessage: "not ours",
        trace: expect.arrayContaining([expect.stringMatching(/^NotOurs: not ours/)]),
      },
    });
    expect(await invoke({})).toMatchObject({ payload: { count: 2 } });
    expect(output()).toContain("Invoke Error");
  });

  test.each([
    ["takes a callback", "callback", "Runtime.CallbackHandlerDeprecated"],
    ["exports no handler", "none", "Runtime.HandlerNotFound"],
    ["throws when it is loaded", "breaks", "RangeError"],
    ["is not there", "missing", "Runtime.ImportModuleError"],
  ])("a bundle that %s fails to start, in Lambda's words", async (_what, name, errorType) => {
    if (name === "missing") {
      await expect(
        startRuntime({ bundle: esm.file("none"), handler: "gone.handler", environment: {} }),
      ).rejects.toMatchObject({ name: errorType });
    } else {
      await expect(start(esm.file(name))).rejects.toMatchObject({ name: errorType });
    }
  });

  test("a bundle that never finishes loading is ended at its time limit", async () => {
    await expect(start(esm.file("hangs"), 1)).rejects.toMatchObject({ name: "Sandbox.Timedout" });
  });

  test("a handler that spins past its time is killed", async () => {
    const { invoke } = await start(esm.file("versatile"), 1);
    expect(await invoke({ spin: true })).toMatchObject({ error: { errorType: "Sandbox.Timedout" } });
  });

  test("a handler that ends its process is an error, for this event and the next", async () => {
    const { invoke } = await start(esm.file("versatile"));
    expect(await invoke({ exit: true })).toMatchObject({ error: { errorType: "Runtime.ExitError" } });
    expect(await invoke({})).toMatchObject({ error: { errorType: "Runtime.ExitError" } });
  });

  test("nothing of this process's environment reaches the function", async () => {
    const { invoke } = await start(esm.file("versatile"));
    const answer = await invoke({});
    expect(answer).not.toHaveProperty("payload.environment.PATH");
    expect(answer).not.toHaveProperty("payload.environment.VITEST");
  });

  test("stopping leaves no process behind", async () => {
    const { invoke, stop } = await start(esm.file("versatile"));
    const answer = await invoke({});
    const pid = Number(Reflect.get(Object("payload" in answer ? answer.payload : {}), "pid"));
    expect(process.kill(pid, 0)).toBe(true);
    await stop();
    runtime = undefined;
    expect(() => process.kill(pid, 0)).toThrow("ESRCH");
    expect(await invoke({})).toMatchObject({ error: { errorType: "Runtime.ExitError" } });
  });
});
