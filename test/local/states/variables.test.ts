import { expect, test } from "vitest";
import { run } from "./harness.ts";

test("Assign and Output are evaluated side by side on the old values, and the next state sees the new ones", async () => {
  const { output } = await run({
    First: { Type: "Pass", Assign: { a: 1, b: 10 }, Next: "Second" },
    Second: {
      Type: "Pass",
      Assign: { a: "{% $b %}", b: "{% $a %}" },
      Output: { a: "{% $a %}", b: "{% $b %}" },
      Next: "Third",
    },
    Third: { Type: "Succeed", Output: { before: "{% $states.input %}", after: ["{% $a %}", "{% $b %}"] } },
  });
  expect(output).toEqual({ before: { a: 1, b: 10 }, after: [10, 1] });
});

test("a Task assigns from its result", async () => {
  const { output } = await run(
    {
      Ask: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke",
        Arguments: {},
        Assign: { n: "{% $states.result.n %}" },
        Output: "gone",
        Next: "Done",
      },
      Done: { Type: "Succeed", Output: "{% $n %}" },
    },
    { tasks: async () => ({ n: 5 }) },
  );
  expect(output).toBe(5);
});

test("Wait, Parallel and Map assign as well", async () => {
  const inner = (name: string) => ({
    StartAt: name,
    States: { [name]: { Type: "Pass", Output: name, End: true } },
  });
  const { output } = await run({
    Pause: { Type: "Wait", Seconds: 1, Assign: { a: 1 }, Next: "Both" },
    Both: {
      Type: "Parallel",
      Branches: [inner("I")],
      Assign: { b: "{% $states.result[0] %}" },
      Next: "Each",
    },
    Each: {
      Type: "Map",
      Items: [1],
      ItemProcessor: inner("J"),
      Assign: { c: "{% $states.result %}" },
      Next: "Done",
    },
    Done: { Type: "Succeed", Output: ["{% $a %}", "{% $b %}", "{% $c %}"] },
  });
  expect(output).toEqual([1, "I", ["J"]]);
});

test("branches and items read outer variables, and theirs end with them", async () => {
  const counter = (start: string, assigned: string) => ({
    StartAt: start,
    States: {
      [start]: { Type: "Pass", Assign: { [assigned]: "{% $base + 1 %}" }, Next: `${start} end` },
      [`${start} end`]: { Type: "Succeed", Output: `{% $${assigned} %}` },
    },
  });
  const { output } = await run({
    Begin: { Type: "Pass", Assign: { base: 1 }, Next: "Both" },
    Both: { Type: "Parallel", Branches: [counter("A", "own"), counter("B", "own")], Next: "Each" },
    Each: { Type: "Map", Items: "{% $states.input %}", ItemProcessor: counter("C", "own"), End: true },
  });
  expect(output).toEqual([2, 2]);
});

test("null is a value that can be assigned", async () => {
  const { output } = await run({
    Begin: { Type: "Pass", Assign: { x: null }, Next: "Done" },
    Done: { Type: "Succeed", Output: { x: "{% $x %}", is: "{% $x = null %}" } },
  });
  expect(output).toEqual({ x: null, is: true });
});
