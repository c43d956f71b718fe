import { expect, test } from "vitest";
import { lambda, machine, run, start } from "./harness.ts";

/** JSON text of exactly this many bytes, quotes included. */
const ofSize = (bytes: number) => "x".repeat(bytes - 2);
const limit = 262_144;
const task = { Type: "Task", Resource: lambda, Arguments: {} };
const done = { Type: "Succeed", Output: "{% 'done' %}" };

test("a result of exactly 256 KiB passes and one byte more is States.DataLimitExceeded", async () => {
  const ask = (bytes: number) =>
    run({ Ask: { ...task, Next: "Done" }, Done: done }, { tasks: async () => ofSize(bytes) });
  expect(await ask(limit)).toMatchObject({ output: "done" });
  expect(await ask(limit + 1)).toMatchObject({ status: "FAILED", error: "States.DataLimitExceeded" });
});

test("the limit counts bytes of UTF-8, not characters", async () => {
  const { error } = await run({ Ask: { ...task, End: true } }, { tasks: async () => "ü".repeat(limit / 2) });
  expect(error).toBe("States.DataLimitExceeded");
});

test.each([
  ["Arguments", { Arguments: "{% $pad('', 262143, 'x') %}" }],
  ["Output", { Output: "{% $pad('', 262143, 'x') %}" }],
  ["Assign", { Assign: { a: "{% $pad('', 200000, 'x') %}", b: "{% $pad('', 62140, 'x') %}" } }],
])("%s is bounded as well", async (_, fields) => {
  expect(await run({ Ask: { ...task, ...fields, End: true } })).toMatchObject({
    error: "States.DataLimitExceeded",
  });
});

test("States.ALL and States.TaskFailed do not catch it, its own name does", async () => {
  const caughtBy = (name: string) =>
    run(
      { Ask: { ...task, Catch: [{ ErrorEquals: [name], Next: "Done" }], End: true }, Done: done },
      { tasks: async () => ofSize(limit + 1) },
    );
  expect((await caughtBy("States.ALL")).status).toBe("FAILED");
  expect((await caughtBy("States.TaskFailed")).status).toBe("FAILED");
  expect((await caughtBy("States.DataLimitExceeded")).output).toBe("done");
});

test("the results of branches count together", async () => {
  const branch = (name: string) => ({ StartAt: name, States: { [name]: { ...task, End: true } } });
  const { error } = await run(
    { Both: { Type: "Parallel", Branches: [branch("A"), branch("B")], End: true } },
    { tasks: async () => ofSize(limit / 2) },
  );
  expect(error).toBe("States.DataLimitExceeded");
});

test("an execution does not start with too large an input", () => {
  expect(() => start(machine({ Done: done }), { input: ofSize(limit + 1) })).toThrow(RangeError);
});
