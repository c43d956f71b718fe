import { expect, test } from "vitest";
import { lambda, lambdaWithToken, machine, run, start } from "./harness.ts";

const never = () => new Promise<never>(() => {});
const token = { Resource: lambdaWithToken, Arguments: "{% $states.context.Task.Token %}" };
const task = { Type: "Task", Resource: lambda, Arguments: {} };

test("a task that outlives TimeoutSeconds fails with States.Timeout and its signal aborts", async () => {
  const signals: AbortSignal[] = [];
  const { status, error, cause, seconds, history } = await run(
    { Slow: { ...task, TimeoutSeconds: 30, End: true } },
    {
      tasks: ({ signal }) => {
        signals.push(signal);
        return never();
      },
    },
  );
  expect({ status, error, cause, seconds }).toEqual({
    status: "FAILED",
    error: "States.Timeout",
    cause: undefined,
    seconds: 30,
  });
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
  expect(history.map((event) => event.type)).toContain("TaskTimedOut");
});

test.each([
  ["TimeoutSeconds", { TimeoutSeconds: 30 }, "States.Timeout"],
  ["HeartbeatSeconds", { HeartbeatSeconds: 30, ...token }, "States.Timeout"],
])("%s counts from when the task begins, not while it waits for its turn", async (_what, limits, name) => {
  const { execution, clock } = start(machine({ Slow: { ...task, ...limits, End: true } }), {
    tasks: ({ begins, signal }) => {
      begins(clock.sleep(100, signal));
      return never();
    },
  });
  const { error, startedAt, stoppedAt } = await execution.finished;
  expect([error, (stoppedAt - startedAt) / 1000]).toEqual([name, 130]);
});

test("TimeoutSeconds can be computed, and bounds each attempt on its own", async () => {
  const { seconds, error } = await run(
    {
      Slow: {
        ...task,
        TimeoutSeconds: "{% $states.input.limit %}",
        Retry: [{ ErrorEquals: ["States.Timeout"], MaxAttempts: 1, IntervalSeconds: 5 }],
        End: true,
      },
    },
    { input: { limit: 10 }, tasks: never },
  );
  expect([seconds, error]).toEqual([25, "States.Timeout"]);
});

test.each([[0], [1.5], ["10"], [null]])("a computed TimeoutSeconds of %j is a query error", async (limit) => {
  const { error } = await run(
    { Slow: { ...task, TimeoutSeconds: "{% $states.input.limit %}", End: true } },
    { input: { limit }, tasks: never },
  );
  expect(error).toBe("States.QueryEvaluationError");
});

test("a computed HeartbeatSeconds must be smaller than the timeout", async () => {
  const { error } = await run(
    { Slow: { ...task, TimeoutSeconds: 10, HeartbeatSeconds: "{% $states.input.beat %}", End: true } },
    { input: { beat: 10 }, tasks: never },
  );
  expect(error).toBe("States.QueryEvaluationError");
});

test.each([
  ["States.HeartbeatTimeout", "caught"],
  ["States.Timeout", "caught"],
  ["States.ALL", "caught"],
  ["States.TaskFailed", undefined],
])("a missed heartbeat is reported as States.Timeout; a catcher of %s gives %s", async (name, output) => {
  const result = await run(
    {
      Quiet: {
        ...task,
        TimeoutSeconds: 100,
        HeartbeatSeconds: 7,
        Catch: [{ ErrorEquals: [name], Output: "caught", Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    { tasks: never },
  );
  expect(result.output).toBe(output);
  expect(result.error).toBe(output === undefined ? "States.Timeout" : undefined);
  expect(result.seconds).toBe(7);
});

test("only a catcher of States.HeartbeatTimeout tells the two timeouts apart", async () => {
  const { error } = await run(
    {
      Slow: {
        ...task,
        TimeoutSeconds: 5,
        Catch: [{ ErrorEquals: ["States.HeartbeatTimeout"], Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    { tasks: never },
  );
  expect(error).toBe("States.Timeout");
});

test("a caught timeout has an empty Cause", async () => {
  const { output } = await run(
    {
      Slow: {
        ...task,
        TimeoutSeconds: 5,
        Catch: [{ ErrorEquals: ["States.Timeout"], Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    { tasks: never },
  );
  expect(output).toEqual({ Error: "States.Timeout", Cause: "" });
});

test("an execution that outlives the machine's TimeoutSeconds is TIMED_OUT, whatever its states catch", async () => {
  const { status, error, seconds, history } = await run(
    {
      Slow: { ...task, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }], End: true },
      Done: { Type: "Succeed" },
    },
    { tasks: never },
    { TimeoutSeconds: 60 },
  );
  expect([status, error, seconds]).toEqual(["TIMED_OUT", "States.Timeout", 60]);
  expect(history.at(-1)?.type).toBe("ExecutionTimedOut");
});

test("an execution that ends in time leaves no timeout behind", async () => {
  const { execution, clock } = start(
    machine({ Quick: { ...task, TimeoutSeconds: 50, End: true } }, { TimeoutSeconds: 60 }),
  );
  await execution.finished;
  const endedAt = clock.now();
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(clock.now()).toBe(endedAt);
});
