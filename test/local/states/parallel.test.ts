import { expect, test } from "vitest";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, machine, run, start } from "./harness.ts";

const branch = (name: string, fields: Record<string, unknown> = {}) => ({
  StartAt: name,
  States: { [name]: { Type: "Task", Resource: lambda, Arguments: { of: name }, End: true, ...fields } },
});

test("the result is the outputs of the branches in the order of the branches, whoever is first", async () => {
  const states = { Both: { Type: "Parallel", Branches: [branch("Slow"), branch("Quick")], End: true } };
  const { execution, clock } = start(machine(states), {
    tasks: async ({ state, signal }) => {
      await clock.sleep(state === "Slow" ? 9 : 1, signal);
      return state;
    },
  });
  const { output, startedAt, stoppedAt } = await execution.finished;
  expect(output).toEqual(["Slow", "Quick"]);
  expect((stoppedAt - startedAt) / 1000).toBe(9);
});

test("every branch gets the input, or what Arguments makes of it", async () => {
  const pass = (name: string) => ({ StartAt: name, States: { [name]: { Type: "Pass", End: true } } });
  const both = (fields: Record<string, unknown>) =>
    run(
      { Both: { Type: "Parallel", Branches: [pass("A"), pass("B")], ...fields, End: true } },
      { input: { n: 1 } },
    );
  expect((await both({})).output).toEqual([{ n: 1 }, { n: 1 }]);
  expect((await both({ Arguments: { m: "{% $states.input.n + 1 %}" } })).output).toEqual([
    { m: 2 },
    { m: 2 },
  ]);
});

test("a branch that fails stops its siblings and gives the Parallel its error, which can be caught", async () => {
  const aborted: string[] = [];
  const { output, seconds, history } = await run(
    {
      Both: {
        Type: "Parallel",
        Branches: [
          branch("Stuck"),
          branch("Breaks"),
          { StartAt: "Sleep", States: { Sleep: { Type: "Wait", Seconds: 500, End: true } } },
        ],
        Catch: [{ ErrorEquals: ["Broken"], Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    {
      tasks: ({ state, signal }) => {
        if (state === "Breaks") return Promise.reject(new TaskError("Broken", "here"));
        signal.addEventListener("abort", () => aborted.push(state));
        return new Promise(() => {});
      },
    },
  );
  expect(output).toEqual({ Error: "Broken", Cause: "here" });
  expect(aborted).toEqual(["Stuck"]);
  expect(seconds).toBe(0);
  expect(history.filter((event) => event.type === "StateExited").map((event) => event.state)).toEqual([
    "Both",
    "Done",
  ]);
});

test("a Fail state in a branch fails the Parallel", async () => {
  const { status, error } = await run({
    Both: {
      Type: "Parallel",
      Branches: [{ StartAt: "F", States: { F: { Type: "Fail", Error: "Mine" } } }],
      End: true,
    },
  });
  expect([status, error]).toEqual(["FAILED", "Mine"]);
});

test("a Parallel that is retried runs all its branches again", async () => {
  const calls: string[] = [];
  const { output } = await run(
    {
      Both: {
        Type: "Parallel",
        Branches: [branch("A"), branch("B")],
        Retry: [{ ErrorEquals: ["Broken"] }],
        End: true,
      },
    },
    {
      tasks: async ({ state }) => {
        calls.push(state);
        if (state === "B" && calls.length < 3) throw new TaskError("Broken");
        return state;
      },
    },
  );
  expect(output).toEqual(["A", "B"]);
  expect(calls).toEqual(["A", "B", "A", "B"]);
});

test("the path of an event leads through the branches", async () => {
  const { history } = await run({
    Both: { Type: "Parallel", Branches: [branch("A"), branch("B")], End: true },
  });
  const entered = history.filter((event) => event.type === "StateEntered");
  expect(entered.map((event) => event.path)).toEqual(["Both", "Both[0]/A", "Both[1]/B"]);
  expect(entered.map((event) => event.state)).toEqual(["Both", "A", "B"]);
});

test("what a stopped branch was computing does not appear in the history", async () => {
  const { history } = await run(
    {
      Both: {
        Type: "Parallel",
        Branches: [
          branch("Breaks"),
          {
            StartAt: "Busy",
            States: {
              Busy: {
                Type: "Pass",
                Output: "{% $sum($map([1..300], function($n) { $n * 2 })) %}",
                End: true,
              },
            },
          },
        ],
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Done" }],
        End: true,
      },
      Done: { Type: "Succeed" },
    },
    {
      tasks: async () => {
        throw new TaskError("Broken");
      },
    },
  );
  expect(history.filter((event) => event.state === "Busy").map((event) => event.type)).toEqual([
    "StateEntered",
  ]);
});
