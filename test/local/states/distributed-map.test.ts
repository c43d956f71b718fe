import { expect, test } from "vitest";
import { DefinitionError, parseDefinition } from "../../../local/states/definition.ts";
import type { ExecutionEvent } from "../../../local/states/events.ts";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, machine, run, start } from "./harness.ts";

type Fields = Record<string, unknown>;
const processor = (states: Fields, config: Fields = {}) => ({
  ProcessorConfig: { Mode: "DISTRIBUTED", ExecutionType: "STANDARD", ...config },
  StartAt: Object.keys(states)[0],
  States: states,
});
const each = (Items: unknown, states: Fields, fields: Fields = {}) => ({
  Each: { Type: "Map", Label: "items", Items, ItemProcessor: processor(states), ...fields, End: true },
});
const pass = { Type: "Pass", End: true };
const task = { Type: "Task", Resource: lambda, Arguments: "{% $states.input %}", End: true };
const failsOn =
  (...bad: unknown[]) =>
  async ({ arguments: item }: { arguments: unknown }) => {
    if (bad.includes(item)) throw new TaskError("Broken", `item ${item}`);
    return item;
  };

test("each item is an execution of its own, and the result has their outputs in the order of the items", async () => {
  const events: [string, ExecutionEvent][] = [];
  const context = "{% $states.context.Execution.Id & ' ' & $states.context.StateMachine.Name %}";
  const { output, history } = await run(
    each("{% $states.input.ids %}", {
      One: { ...pass, Output: { item: "{% $states.input %}", context } },
    }),
    { input: { ids: ["a", "b"] }, onEvent: (event, arn) => events.push([arn, event]) },
  );
  const own =
    /^arn:aws:states:eu-central-1:123456789012:execution:Machine\/items:[0-9a-f-]{36} Machine\/items$/;
  expect(output).toEqual([
    { item: "a", context: expect.stringMatching(own) },
    { item: "b", context: expect.stringMatching(own) },
  ]);
  expect(history.map(({ type }) => type)).toEqual([
    "ExecutionStarted",
    "StateEntered",
    "MapRunStarted",
    "MapRunSucceeded",
    "StateExited",
    "ExecutionSucceeded",
  ]);
  const ofItems = events.filter(([arn]) => arn.includes("Machine/items"));
  expect(new Set(ofItems.map(([arn]) => arn)).size).toBe(2);
  expect(ofItems.filter(([, { path }]) => path === "Each[1]/One").map(([, { type }]) => type)).toEqual([
    "StateEntered",
    "StateExited",
  ]);
});

test("ItemSelector sees the item, its index, the Map's input and variables; the item's own states see only what it gives them", async () => {
  const select = {
    at: "{% $states.context.Map.Item.Index %}",
    value: "{% $states.context.Map.Item.Value %}",
    of: "{% $whole %}",
  };
  const { output } = await run({
    Begin: { Type: "Pass", Assign: { whole: "all" }, Next: "Each" },
    ...each(["x"], { One: pass }, { ItemSelector: select }),
  });
  expect(output).toEqual([{ at: 0, value: "x", of: "all" }]);
});

const refusal = (states: Fields): readonly string[] => {
  try {
    parseDefinition(machine(states), {});
  } catch (error) {
    if (error instanceof DefinitionError) return error.problems;
    throw error;
  }
  return [];
};

test("a variable from outside is refused in an item, and may be assigned anew there", () => {
  const begin = { Type: "Pass", Assign: { whole: "all" }, Next: "Each" };
  expect(refusal({ Begin: begin, ...each([1], { One: { ...pass, Output: "{% $whole %}" } }) })).toEqual([
    'state "One": Output: no state before it assigns $whole',
  ]);
  expect(refusal({ Begin: begin, ...each([1], { One: { ...pass, Assign: { whole: 1 } } }) })).toEqual([]);
});

test("what is not known here is refused: express items, readers, batches, written results, a long label", () => {
  const withField = (fields: Fields) => refusal(each([1], { One: pass }, fields)).join();
  for (const field of ["ItemReader", "ItemBatcher", "ResultWriter"]) {
    expect(withField({ [field]: {} })).toContain(`unknown field ${field}`);
  }
  expect(withField({ ItemProcessor: processor({ One: pass }, { ExecutionType: "EXPRESS" }) })).toContain(
    "ExecutionType",
  );
  expect(withField({ Label: "x".repeat(41) })).toContain("is no label");
  expect(withField({ ToleratedFailurePercentage: 101 })).toContain("ToleratedFailurePercentage");
});

test("a label and tolerated failures are refused in an inline Map", () => {
  const inline = { ProcessorConfig: { Mode: "INLINE" }, StartAt: "One", States: { One: pass } };
  const states = each([1], {}, { ItemProcessor: inline, ToleratedFailureCount: 1 });
  expect(refusal(states)).toEqual([
    'state "Each": Label belongs to a distributed Map',
    'state "Each": ToleratedFailureCount belongs to a distributed Map',
  ]);
});

test.each([
  [{}, 60],
  [{ MaxConcurrency: 0 }, 60],
  [{ MaxConcurrency: "{% 3 + 2 %}" }, 5],
])("with %j of 60 items %i run at a time", async (fields, expected) => {
  let running = 0;
  let most = 0;
  const { execution, clock } = start(machine(each("{% [1..60] %}", { One: task }, fields)), {
    tasks: async ({ signal }) => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(1, signal);
      running -= 1;
    },
  });
  expect((await execution.finished).status).toBe("SUCCEEDED");
  expect(most).toBe(expected);
});

test("no failure is tolerated unless it is said; that too many failed can be caught", async () => {
  const states = each([1, 2, 3], { One: task });
  const tasks = failsOn(2);
  expect(await run(states, { tasks })).toMatchObject({ error: "States.ExceedToleratedFailureThreshold" });
  const { output, history } = await run(
    {
      Each: {
        ...states.Each,
        Catch: [{ ErrorEquals: ["States.ExceedToleratedFailureThreshold"], Next: "Caught" }],
      },
      Caught: { Type: "Pass", Output: "caught", End: true },
    },
    { tasks },
  );
  expect(output).toBe("caught");
  expect(history.map(({ type }) => type)).toContain("MapRunFailed");
});

test.each([
  [{ ToleratedFailurePercentage: 100 }, [1, 2, 3, 4], "SUCCEEDED"],
  [{ ToleratedFailurePercentage: 50 }, [1, 2], "SUCCEEDED"],
  [{ ToleratedFailurePercentage: 49 }, [1, 2], "FAILED"],
  [{ ToleratedFailureCount: "{% 1 %}" }, [1], "SUCCEEDED"],
  [{ ToleratedFailureCount: 1 }, [1, 2], "FAILED"],
  [{ ToleratedFailureCount: 1, ToleratedFailurePercentage: 100 }, [1, 2], "FAILED"],
])("%j with %j of four failing ends %s", async (fields, bad, status) => {
  const result = await run(each([1, 2, 3, 4], { One: task }, fields), { tasks: failsOn(...bad) });
  expect(result.status).toBe(status);
  if (status === "SUCCEEDED") {
    const expected = [1, 2, 3, 4].map((item) =>
      bad.includes(item) ? { Error: "Broken", Cause: `item ${item}` } : item,
    );
    expect(result.output).toEqual(expected);
  }
});

test("an item that never ends by itself fails at its own 25,000 events, and no other with it", async () => {
  const loops = {
    Which: {
      Type: "Choice",
      Choices: [{ Condition: "{% $states.input = 'loop' %}", Next: "Which" }],
      Default: "Done",
    },
    Done: { Type: "Succeed" },
  };
  const { output } = await run(each(["loop", "ends"], loops, { ToleratedFailurePercentage: 100 }));
  expect(output).toEqual([{ Error: "States.Runtime", Cause: expect.stringContaining("25000") }, "ends"]);
});

test("the events of ten thousand items are not counted against the execution that started them", async () => {
  const { status, history } = await run(
    each("{% [1..10000] %}", { One: pass }, { MaxConcurrency: 100, ItemSelector: 1 }),
  );
  expect(status).toBe("SUCCEEDED");
  expect(history).toHaveLength(6);
});

test("outputs above 256 KiB together are too much", async () => {
  const { error } = await run(
    each("{% [1..1000] %}", { One: { ...pass, Output: "{% $pad('', 300, 'x') %}" } }),
  );
  expect(error).toBe("States.DataLimitExceeded");
});

test("no items make an empty result", async () => {
  expect((await run(each([], { One: pass }))).output).toEqual([]);
});

test("with the execution its items stop", async () => {
  const aborted: unknown[] = [];
  const { execution } = start(machine(each([1, 2], { One: task })), {
    tasks: ({ arguments: item, signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          aborted.push(item);
          reject(signal.reason);
        });
        if (item === 2) setImmediate(() => execution.stop("Enough"));
      }),
  });
  expect(await execution.finished).toMatchObject({ status: "ABORTED", error: "Enough" });
  expect(aborted.sort()).toEqual([1, 2]);
});
