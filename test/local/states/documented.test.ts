import { expect, test } from "vitest";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, run } from "./harness.ts";

/** Examples of the Step Functions Developer Guide and the Amazon States Language specification, run as printed. */

const failing = (errors: string[]) => {
  let attempts = 0;
  return async () => {
    const error = errors[attempts];
    attempts += 1;
    if (error !== undefined) throw new TaskError(error);
    return null;
  };
};

const delays = (history: { delaySeconds?: number }[]) => history.flatMap((event) => event.delaySeconds ?? []);

// Amazon States Language, "Complex Retry Scenarios"; Developer Guide, "Handling errors in Step Functions workflows".
test("ErrorA, ErrorB, ErrorC, ErrorB: two retriers count on their own, then Catch goes to Z", async () => {
  const { history } = await run(
    {
      X: {
        Type: "Task",
        Resource: lambda,
        Arguments: {},
        Next: "Y",
        Retry: [
          { ErrorEquals: ["ErrorA", "ErrorB"], IntervalSeconds: 1, BackoffRate: 2.0, MaxAttempts: 2 },
          { ErrorEquals: ["ErrorC"], IntervalSeconds: 5 },
        ],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Z" }],
      },
      Y: { Type: "Succeed" },
      Z: { Type: "Succeed" },
    },
    { tasks: failing(["ErrorA", "ErrorB", "ErrorC", "ErrorB"]) },
  );
  expect(delays(history)).toEqual([1, 2, 5]);
  expect(history.at(-2)?.state).toBe("Z");
});

// Developer Guide, "Handling errors in Step Functions workflows", Retry field examples.
test("IntervalSeconds 3, MaxAttempts 3, BackoffRate 2: retries after 3, 6 and 12 seconds", async () => {
  const { history } = await run(
    {
      X: {
        Type: "Task",
        Resource: lambda,
        Arguments: {},
        End: true,
        Retry: [{ ErrorEquals: ["E"], IntervalSeconds: 3, MaxAttempts: 3, BackoffRate: 2 }],
      },
    },
    { tasks: failing(["E", "E", "E"]) },
  );
  expect(delays(history)).toEqual([3, 6, 12]);
});

// Developer Guide, "Passing data between states with variables", evaluation order in an Assign field.
test("every reference in Assign has the value from when the state was entered", async () => {
  const { output } = await run({
    Begin: { Type: "Pass", Assign: { x: 3, a: 6 }, Next: "Swap" },
    Swap: { Type: "Pass", Assign: { x: "{% $a %}", nextX: "{% $x %}" }, Next: "Done" },
    Done: { Type: "Succeed", Output: { x: "{% $x %}", nextX: "{% $nextX %}" } },
  });
  expect(output).toEqual({ x: 6, nextX: 3 });
});

// Developer Guide, "Handling errors in Step Functions workflows", error names.
test("a Lambda that failed without an error of its own is matched by its name, States.TaskFailed and States.ALL", async () => {
  for (const name of ["Lambda.Unknown", "States.TaskFailed", "States.ALL"]) {
    const { output } = await run(
      {
        X: {
          Type: "Task",
          Resource: lambda,
          Arguments: {},
          Catch: [{ ErrorEquals: [name], Output: "caught", Next: "Z" }],
          End: true,
        },
        Z: { Type: "Succeed" },
      },
      { tasks: failing(["Lambda.Unknown"]) },
    );
    expect(output).toBe("caught");
  }
});

// Developer Guide, "Transforming data with JSONata in Step Functions", JSONata in JSON values.
test("JSONata is computed in string values at any depth and everything else stays as it is", async () => {
  const { output } = await run(
    {
      Only: {
        Type: "Pass",
        Output: {
          static: "Hello",
          title: "{% $states.input.title %}",
          list: [1, "{% $states.input.n + 1 %}"],
        },
        End: true,
      },
    },
    { input: { title: "Doctor", n: 1 } },
  );
  expect(output).toEqual({ static: "Hello", title: "Doctor", list: [1, 2] });
});
