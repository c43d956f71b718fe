import { expect, test } from "vitest";
import { run } from "./harness.ts";

const ends = { Yes: { Type: "Succeed" }, No: { Type: "Succeed" } };

test("the first rule whose Condition is true decides, with its own Output and Assign", async () => {
  const { output } = await run(
    {
      "How many?": {
        Type: "Choice",
        Choices: [
          { Condition: "{% $states.input.n > 10 %}", Next: "Done", Output: "many" },
          {
            Condition: "{% $states.input.n > 1 %}",
            Next: "Done",
            Output: "some",
            Assign: { seen: "{% $states.input.n %}" },
          },
          { Condition: "{% true %}", Next: "Done", Output: "later" },
        ],
        Assign: { seen: "state" },
        Output: "state",
        Default: "Done",
      },
      Done: { Type: "Succeed", Output: "{% $states.input & ' ' & $seen %}" },
    },
    { input: { n: 5 } },
  );
  expect(output).toBe("some 5");
});

test("without a match the Default is taken, with the state's Output and Assign", async () => {
  const { output } = await run({
    "Is it?": {
      Type: "Choice",
      Choices: [{ Condition: "{% false %}", Next: "Done", Assign: { seen: "rule" }, Output: "rule" }],
      Assign: { seen: "state" },
      Output: "default",
      Default: "Done",
    },
    Done: { Type: "Succeed", Output: "{% $states.input & ' ' & $seen %}" },
  });
  expect(output).toBe("default state");
});

test("a rule without Output hands the input on", async () => {
  const { output } = await run(
    {
      "Is it?": {
        Type: "Choice",
        Choices: [{ Condition: "{% true %}", Next: "Yes" }],
        Output: "state",
        Default: "No",
      },
      ...ends,
    },
    { input: { kept: 1 } },
  );
  expect(output).toEqual({ kept: 1 });
});

test.each([
  ["'true'", "string"],
  ["1", "number"],
  ["null", "null"],
  ["[true]", "array"],
])("a Condition of %s is a query error, not truthy", async (source, kind) => {
  const { error, cause } = await run({
    "Is it?": { Type: "Choice", Choices: [{ Condition: `{% ${source} %}`, Next: "Yes" }], Default: "No" },
    ...ends,
  });
  expect(error).toBe("States.QueryEvaluationError");
  expect(cause).toContain(`Expected 'boolean', but was '${kind}'`);
});

test("a Condition on a field that is missing: a comparison is false, the bare field is a query error", async () => {
  const ask = (Condition: string) =>
    run({ "Is it?": { Type: "Choice", Choices: [{ Condition, Next: "Yes" }], Default: "No" }, ...ends });
  expect((await ask("{% $states.input.x = 1 %}")).history.at(-2)?.state).toBe("No");
  expect(await ask("{% $states.input.x %}")).toMatchObject({ error: "States.QueryEvaluationError" });
});

test("no match and no Default fails the execution with States.Runtime, which nothing catches", async () => {
  const unsure = { Type: "Choice", Choices: [{ Condition: "{% false %}", Next: "Yes" }] };
  const { status, error, cause } = await run({
    Both: {
      Type: "Parallel",
      Branches: [{ StartAt: "Is it?", States: { "Is it?": unsure, Yes: { Type: "Succeed" } } }],
      Catch: [{ ErrorEquals: ["States.ALL"], Next: "No" }],
      End: true,
    },
    No: { Type: "Succeed" },
  });
  expect([status, error]).toEqual(["FAILED", "States.Runtime"]);
  expect(cause).toContain("The state does not point to a next state.");
});
