import { expect, test } from "vitest";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, run } from "./harness.ts";

const failWith = (error: string, cause = "why") => ({
  tasks: async () => {
    throw new TaskError(error, cause);
  },
});
const task = { Type: "Task", Resource: lambda, Arguments: {} };

test("the first catcher that matches decides where to go, and the error output is the default output", async () => {
  const { output, history } = await run(
    {
      Try: {
        ...task,
        Catch: [
          { ErrorEquals: ["Other"], Next: "Wrong" },
          { ErrorEquals: ["Mine", "Other"], Next: "Right" },
          { ErrorEquals: ["States.ALL"], Next: "Wrong" },
        ],
        End: true,
      },
      Right: { Type: "Succeed" },
      Wrong: { Type: "Fail" },
    },
    failWith("Mine"),
  );
  expect(output).toEqual({ Error: "Mine", Cause: "why" });
  expect(history.find((event) => event.type === "StateCaught")).toMatchObject({
    state: "Try",
    error: "Mine",
    cause: "why",
  });
});

test("a catcher's Assign and Output see the error output, the input and the variables", async () => {
  const { output } = await run(
    {
      Begin: { Type: "Pass", Assign: { tries: 1 }, Next: "Try" },
      Try: {
        ...task,
        Assign: { tries: 99 },
        Catch: [
          {
            ErrorEquals: ["States.ALL"],
            Assign: { failure: "{% $states.errorOutput.Error %}", tries: "{% $tries + 1 %}" },
            Output: {
              cause: "{% $states.errorOutput.Cause %}",
              input: "{% $states.input.x %}",
              tries: "{% $tries %}",
            },
            Next: "Done",
          },
        ],
        Next: "Done",
      },
      Done: {
        Type: "Succeed",
        Output: "{% $merge([$states.input, {'failure': $failure, 'after': $tries}]) %}",
      },
    },
    { ...failWith("Mine"), input: { x: 7 } },
  );
  expect(output).toEqual({ cause: "why", input: 7, tries: 1, failure: "Mine", after: 2 });
});

test("Catch applies after the retries are used up", async () => {
  const { output, seconds } = await run(
    {
      Try: {
        ...task,
        Retry: [{ ErrorEquals: ["Mine"], MaxAttempts: 2 }],
        Catch: [{ ErrorEquals: ["States.TaskFailed"], Output: "caught", Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    failWith("Mine"),
  );
  expect([output, seconds]).toEqual(["caught", 3]);
});

test("an error in the Task's Output is caught, one in the catcher's own is not", async () => {
  const states = (Output: string) => ({
    Try: {
      ...task,
      Output: "{% $states.result.gone %}",
      Catch: [{ ErrorEquals: ["States.ALL"], Output, Next: "Done" }],
      End: true,
    },
    Done: { Type: "Succeed" },
  });
  expect((await run(states("{% $states.errorOutput.Error %}"))).output).toBe("States.QueryEvaluationError");
  expect(await run(states("{% $states.input.gone %}"))).toMatchObject({
    status: "FAILED",
    error: "States.QueryEvaluationError",
    cause: expect.stringContaining("for the field 'Catch[0]/Output'"),
  });
});

test("a task that reports States.Runtime is neither retried nor caught", async () => {
  const all = { ErrorEquals: ["States.ALL"] };
  const { status, error, history } = await run(
    {
      Try: { ...task, Retry: [all], Catch: [{ ...all, Next: "Done" }], End: true },
      Done: { Type: "Succeed" },
    },
    failWith("States.Runtime"),
  );
  expect([status, error]).toEqual(["FAILED", "States.Runtime"]);
  expect(history.map((event) => event.type)).not.toContain("RetryScheduled");
});

test("an uncaught error carries what the state reported, and a query error where it happened", async () => {
  expect(await run({ A: { ...task, End: true } }, failWith("Mine", "text"))).toMatchObject({
    error: "Mine",
    cause: "text",
  });
  const { cause } = await run({
    A: { Type: "Pass", Next: "B" },
    B: { Type: "Pass", Output: "{% $states.input.x %}", End: true },
  });
  expect(cause).toBe(
    "An error occurred while executing the state 'B' (entered at the event id #4). " +
      "The JSONata expression '$states.input.x' specified for the field 'Output' returned nothing (undefined).",
  );
});
