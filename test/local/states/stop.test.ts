import { afterEach, expect, test, vi } from "vitest";
import { realClock } from "../../../local/states/clock.ts";
import { parseDefinition } from "../../../local/states/definition.ts";
import { startExecution } from "../../../local/states/execution.ts";
import { lambda, lambdaWithToken, machine, run, start } from "./harness.ts";

afterEach(() => {
  vi.useRealTimers();
});

const task = { Type: "Task", Resource: lambda, Arguments: {} };

test("a stopped execution is ABORTED with the given reason, and nothing catches that", async () => {
  const { execution } = start(
    machine({
      Ask: { ...task, Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }], End: true },
      Done: { Type: "Succeed" },
    }),
    { tasks: () => new Promise(() => {}) },
  );
  await new Promise(setImmediate);
  execution.stop("Operator", "enough");
  expect(await execution.finished).toMatchObject({ status: "ABORTED", error: "Operator", cause: "enough" });
  expect(execution.status()).toBe("ABORTED");
  await new Promise(setImmediate);
  expect(execution.history().at(-1)).toMatchObject({
    type: "ExecutionAborted",
    error: "Operator",
    cause: "enough",
  });
});

test("stopping an execution that has ended changes nothing", async () => {
  const { execution } = start(machine({ Done: { Type: "Succeed" } }));
  await execution.finished;
  const events = execution.history().length;
  execution.stop("late");
  expect(execution.status()).toBe("SUCCEEDED");
  expect(execution.history()).toHaveLength(events);
});

test("an execution can be stopped before its first state", async () => {
  const { execution } = start(machine({ Done: { Type: "Succeed" } }));
  execution.stop();
  expect(await execution.finished).toMatchObject({ status: "ABORTED" });
  await new Promise(setImmediate);
  expect(execution.history().map((event) => event.type)).toEqual(["ExecutionStarted", "ExecutionAborted"]);
});

const pending: [string, Record<string, unknown>][] = [
  ["a Wait", { A: { Type: "Wait", Seconds: 1000, End: true } }],
  ["a task with both timeouts", { A: { ...task, TimeoutSeconds: 1000, HeartbeatSeconds: 500, End: true } }],
  [
    "a task that waits for its token",
    {
      A: {
        Type: "Task",
        Resource: lambdaWithToken,
        Arguments: "{% $states.context.Task.Token %}",
        TimeoutSeconds: 900,
        End: true,
      },
    },
  ],
  [
    "branches and items",
    {
      A: {
        Type: "Parallel",
        Branches: [
          { StartAt: "B", States: { B: { Type: "Wait", Seconds: 1000, End: true } } },
          {
            StartAt: "C",
            States: {
              C: {
                Type: "Map",
                Items: [1, 2],
                ItemProcessor: { StartAt: "D", States: { D: { ...task, TimeoutSeconds: 9, End: true } } },
                End: true,
              },
            },
          },
        ],
        End: true,
      },
    },
  ],
];

test.each(pending)("stopping in %s leaves no timer behind", async (_, states) => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const execution = startExecution({
    definition: parseDefinition(machine(states, { TimeoutSeconds: 5000 }), {}),
    name: "test",
    stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:M",
    executionArn: "arn:aws:states:eu-central-1:123456789012:execution:M:test",
    input: {},
    tasks: () => new Promise(() => {}),
    clock: realClock,
  });
  await new Promise(setImmediate);
  expect(vi.getTimerCount()).toBeGreaterThanOrEqual(2);
  execution.stop();
  await execution.finished;
  await new Promise(setImmediate);
  expect(vi.getTimerCount()).toBe(0);
});

test("a task that fails after nobody waits any more disturbs nothing", async () => {
  const { execution } = start(machine({ Ask: { ...task, TimeoutSeconds: 1, End: true } }), {
    tasks: ({ signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => setTimeout(() => reject(new Error("too late")), 5));
      }),
  });
  expect((await execution.finished).error).toBe("States.Timeout");
  await new Promise((resolve) => setTimeout(resolve, 20));
});

test("a task that throws at once, without a promise, fails its state", async () => {
  const { error } = await run(
    { Ask: { ...task, End: true } },
    {
      tasks: () => {
        throw new RangeError("at once");
      },
    },
  );
  expect(error).toBe("RangeError");
});

test("a machine that loops without waiting fails when its history is full, as the quota says", async () => {
  const { status, error, cause, history } = await run({
    A: { Type: "Pass", Next: "Again?" },
    "Again?": { Type: "Choice", Choices: [{ Condition: "{% true %}", Next: "A" }], Default: "Done" },
    Done: { Type: "Succeed" },
  });
  expect([status, error]).toEqual(["FAILED", "States.Runtime"]);
  expect(cause).toContain("maximum number of history events (25000)");
  expect(history).toHaveLength(25_000);
});

test("when a task is over its signal aborts and its timers are gone, while the execution goes on", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] });
  const signals: AbortSignal[] = [];
  const execution = startExecution({
    definition: parseDefinition(
      machine({
        Ask: { ...task, TimeoutSeconds: 1000, HeartbeatSeconds: 500, Next: "Pause" },
        Pause: { Type: "Wait", Seconds: 60, End: true },
      }),
      {},
    ),
    name: "test",
    stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:M",
    executionArn: "arn:aws:states:eu-central-1:123456789012:execution:M:test",
    input: {},
    tasks: async ({ signal }) => signals.push(signal),
    clock: realClock,
  });
  await new Promise(setImmediate);
  expect(execution.history().at(-1)).toMatchObject({ type: "StateEntered", state: "Pause" });
  expect(signals.map((signal) => signal.aborted)).toEqual([true]);
  expect(vi.getTimerCount()).toBe(1);
  execution.stop();
  await execution.finished;
});
