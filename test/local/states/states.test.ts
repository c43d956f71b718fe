import { expect, test } from "vitest";
import { lambda, run } from "./harness.ts";

test("a Pass hands its input on, or what Output makes of it", async () => {
  const { output } = await run(
    {
      Same: { Type: "Pass", Next: "Shaped" },
      Shaped: { Type: "Pass", Output: { doubled: "{% $states.input.n * 2 %}", fixed: "n" }, End: true },
    },
    { input: { n: 21 } },
  );
  expect(output).toEqual({ doubled: 42, fixed: "n" });
});

test("a Task gets its evaluated Arguments and its result is the output", async () => {
  const calls: unknown[] = [];
  const { output, status } = await run(
    { Ask: { Type: "Task", Resource: lambda, Arguments: { Payload: "{% $states.input.who %}" }, End: true } },
    {
      input: { who: "x" },
      tasks: async ({ resource, arguments: args, state }) => {
        calls.push({ resource, args, state });
        return { answer: 1, nothing: undefined };
      },
    },
  );
  expect(status).toBe("SUCCEEDED");
  expect(output).toEqual({ answer: 1 });
  expect(calls).toEqual([{ resource: lambda, args: { Payload: "x" }, state: "Ask" }]);
});

test("a task that returns nothing returns null", async () => {
  const { output } = await run({ Ask: { Type: "Task", Resource: lambda, Arguments: {}, End: true } });
  expect(output).toBeNull();
});

test("a Succeed ends the execution with its Output", async () => {
  const { status, output } = await run({ Done: { Type: "Succeed", Output: "{% 'ok' %}" } });
  expect([status, output]).toEqual(["SUCCEEDED", "ok"]);
});

test("a Fail ends the execution with its computed Error and Cause", async () => {
  const { status, error, cause } = await run(
    { Stop: { Type: "Fail", Error: "{% 'Bad' & $states.input.kind %}", Cause: "because" } },
    { input: { kind: "Host" } },
  );
  expect([status, error, cause]).toEqual(["FAILED", "BadHost", "because"]);
});

test("a Wait lasts as long as Seconds says, computed or not", async () => {
  const { seconds, output } = await run(
    {
      Fixed: { Type: "Wait", Seconds: 90, Next: "Computed" },
      Computed: { Type: "Wait", Seconds: "{% $states.input.s %}", End: true },
    },
    { input: { s: 30 } },
  );
  expect(seconds).toBe(120);
  expect(output).toEqual({ s: 30 });
});

test("a Wait until a timestamp ends then, and at once when that has passed", async () => {
  const { seconds } = await run({
    Later: { Type: "Wait", Timestamp: "2026-01-01T01:00:00+00:00", Next: "Earlier" },
    Earlier: { Type: "Wait", Timestamp: "{% '2020-01-01T00:00:00Z' %}", End: true },
  });
  expect(seconds).toBe(3600);
});

test("a Task that says until when is asked again then, by its own clock", async () => {
  const asked: unknown[] = [];
  const { output, seconds } = await run(
    {
      Begin: { Type: "Pass", Assign: { waited: false }, Next: "Open" },
      Open: {
        Type: "Task",
        Resource: lambda,
        Arguments: { waited: "{% $waited %}", now: "{% $states.context.State.EnteredTime %}" },
        Next: "IsItTime",
      },
      IsItTime: {
        Type: "Choice",
        Choices: [{ Condition: "{% $states.input.decision = 'wait' %}", Next: "CoolDown" }],
        Default: "Open now",
      },
      CoolDown: {
        Type: "Wait",
        Timestamp: "{% $states.input.until %}",
        Assign: { waited: true },
        Next: "Open",
      },
      "Open now": { Type: "Succeed" },
    },
    {
      tasks: async ({ arguments: given }) => {
        asked.push(given);
        const now = String(Reflect.get(Object(given), "now"));
        return now < "2026-01-01T00:15:00.250Z"
          ? { decision: "wait", until: "2026-01-01T00:15:00.250Z" }
          : { decision: "open" };
      },
    },
  );
  expect(output).toEqual({ decision: "open" });
  expect(seconds).toBe(900.25);
  expect(asked).toEqual([
    { waited: false, now: "2026-01-01T00:00:00.000Z" },
    { waited: true, now: "2026-01-01T00:15:00.250Z" },
  ]);
});

test.each([["tomorrow"], ["2026-01-01"], ["2026-01-01T00:00:00"], [1767225600]])(
  "a Wait until %j is a query error",
  async (until) => {
    const { error, cause } = await run(
      { Pause: { Type: "Wait", Timestamp: "{% $states.input.until %}", End: true } },
      { input: { until } },
    );
    expect(error).toBe("States.QueryEvaluationError");
    expect(cause).toContain("for the field 'Timestamp'");
  },
);

test.each([[-1], [1.5], ["5"], [100_000_000]])("a Wait of %j seconds is a query error", async (s) => {
  const { error, cause } = await run(
    { Pause: { Type: "Wait", Seconds: "{% $states.input.s %}", End: true } },
    { input: { s } },
  );
  expect(error).toBe("States.QueryEvaluationError");
  expect(cause).toContain("for the field 'Seconds'");
});
