import fc from "fast-check";
import { expect, test } from "vitest";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, machine, run, start } from "./harness.ts";

const processor = (state: Record<string, unknown>) => ({
  ProcessorConfig: { Mode: "INLINE" },
  StartAt: "One",
  States: { One: { End: true, ...state } },
});
const pass = { Type: "Pass" };
const task = { Type: "Task", Resource: lambda, Arguments: "{% $states.input %}" };

test("each item is the input of one iteration, and the result has their outputs in order", async () => {
  const { output } = await run(
    {
      Each: {
        Type: "Map",
        Items: "{% $states.input.ids %}",
        ItemProcessor: processor({ ...pass, Output: "{% $states.input & '!' %}" }),
        End: true,
      },
    },
    { input: { ids: ["a", "b"] } },
  );
  expect(output).toEqual(["a!", "b!"]);
});

test("without Items the input itself is the array", async () => {
  const { output } = await run(
    { Each: { Type: "Map", ItemProcessor: processor(pass), End: true } },
    { input: [1, 2] },
  );
  expect(output).toEqual([1, 2]);
});

test("ItemSelector sees the item, its index, and the Map's own input", async () => {
  const { output } = await run(
    {
      Each: {
        Type: "Map",
        Items: ["x", "y"],
        ItemSelector: {
          at: "{% $states.context.Map.Item.Index %}",
          value: "{% $states.context.Map.Item.Value %}",
          from: "{% $states.input.from %}",
        },
        ItemProcessor: processor({
          ...pass,
          Output: "{% $merge([$states.input, {'again': $states.context.Map.Item.Index}]) %}",
        }),
        End: true,
      },
    },
    { input: { from: "me" } },
  );
  expect(output).toEqual([
    { at: 0, value: "x", from: "me", again: 0 },
    { at: 1, value: "y", from: "me", again: 1 },
  ]);
});

test("no items make an empty result", async () => {
  const { output } = await run({
    Each: { Type: "Map", Items: [], ItemProcessor: processor(pass), End: true },
  });
  expect(output).toEqual([]);
});

test.each([["{% 'abc' %}"], ["{% {'a': 1} %}"], ["{% null %}"]])(
  "Items of %s is a query error",
  async (Items) => {
    const { error } = await run({ Each: { Type: "Map", Items, ItemProcessor: processor(pass), End: true } });
    expect(error).toBe("States.QueryEvaluationError");
  },
);

async function mostAtOnce(items: number, fields: Record<string, unknown>): Promise<number> {
  let running = 0;
  let most = 0;
  const states = {
    Each: { Type: "Map", Items: `{% [1..${items}] %}`, ItemProcessor: processor(task), ...fields, End: true },
  };
  const { execution, clock } = start(machine(states), {
    tasks: async ({ signal }) => {
      running += 1;
      most = Math.max(most, running);
      await clock.sleep(1, signal);
      running -= 1;
    },
  });
  expect((await execution.finished).status).toBe("SUCCEEDED");
  return most;
}

test("MaxConcurrency bounds the iterations at work; 0 and none mean the service's 40", async () => {
  expect(await mostAtOnce(9, { MaxConcurrency: 3 })).toBe(3);
  expect(await mostAtOnce(9, { MaxConcurrency: "{% 1 + 1 %}" })).toBe(2);
  expect(await mostAtOnce(50, {})).toBe(40);
  expect(await mostAtOnce(50, { MaxConcurrency: 0 })).toBe(40);
  expect(await mostAtOnce(50, { MaxConcurrency: 45 })).toBe(40);
});

test("an iteration that fails stops the others, starts no more, and fails the Map", async () => {
  const started: unknown[] = [];
  const { error, cause } = await run(
    {
      Each: {
        Type: "Map",
        Items: [1, 2, 3, 4],
        MaxConcurrency: 2,
        ItemProcessor: processor(task),
        End: true,
      },
    },
    {
      tasks: ({ arguments: item }) => {
        started.push(item);
        return item === 2 ? Promise.reject(new TaskError("Broken", "two")) : new Promise(() => {});
      },
    },
  );
  expect([error, cause]).toEqual(["Broken", "two"]);
  expect(started).toEqual([1, 2]);
});

test("what an iteration catches is its own affair: the others go on, one at a time", async () => {
  const attempts: string[] = [];
  const { output, error, seconds } = await run(
    {
      Tell: {
        Type: "Map",
        Items: "{% $states.input.messages %}",
        MaxConcurrency: 1,
        ItemProcessor: {
          ProcessorConfig: { Mode: "INLINE" },
          StartAt: "Publish",
          States: {
            Publish: {
              ...task,
              Arguments: { TopicArn: "{% $states.input.topic %}", Message: "{% $states.input.message %}" },
              Retry: [{ ErrorEquals: ["States.TaskFailed"], IntervalSeconds: 2, MaxAttempts: 2 }],
              Catch: [
                {
                  ErrorEquals: ["States.ALL"],
                  Assign: { why: "{% $states.errorOutput.Error %}" },
                  Next: "Untold",
                },
              ],
              Output: { told: true },
              End: true,
            },
            Untold: { Type: "Pass", Output: { told: false, why: "{% $why %}" }, End: true },
          },
        },
        Catch: [{ ErrorEquals: ["States.ALL"], Next: "Never" }],
        Next: "Done",
      },
      Never: { Type: "Fail", Error: "TheMapFailed" },
      Done: { Type: "Succeed" },
    },
    {
      input: {
        messages: [
          { topic: "people", message: "a" },
          { topic: "chat", message: "b" },
          { topic: "people", message: "c" },
        ],
      },
      tasks: async ({ arguments: given }) => {
        const { TopicArn, Message } = Object(given);
        attempts.push(`${TopicArn} ${Message}`);
        if (TopicArn === "chat") throw new TaskError("SNS.InternalErrorException");
        return {};
      },
    },
  );
  expect(error).toBeUndefined();
  expect(output).toEqual([
    { told: true },
    { told: false, why: "SNS.InternalErrorException" },
    { told: true },
  ]);
  expect(attempts).toEqual(["people a", "chat b", "chat b", "chat b", "people c"]);
  expect(seconds).toBe(2 + 4);
});

test.each([[[]], [[{ topic: "people" }]], [[{ topic: "people" }, { topic: "chat" }]]])(
  "a list in a field of the input stays a list, however short: %j",
  async (messages) => {
    const { output } = await run(
      {
        Tell: {
          Type: "Map",
          Items: "{% $states.input.messages %}",
          ItemProcessor: processor({ ...pass, Output: "{% $states.input.topic %}" }),
          End: true,
        },
      },
      { input: { messages } },
    );
    expect(output).toEqual(messages.map(({ topic }) => topic));
  },
);

test("whatever the order in which iterations end, the outputs keep the order of the items", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 100 }), { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 0, max: 5 }),
      async (delays, MaxConcurrency) => {
        const states = {
          Each: { Type: "Map", Items: delays, MaxConcurrency, ItemProcessor: processor(task), End: true },
        };
        const { execution, clock } = start(machine(states), {
          tasks: async ({ arguments: delay, signal }) => {
            await clock.sleep(Number(delay), signal);
            return delay;
          },
        });
        expect((await execution.finished).output).toEqual(delays);
      },
    ),
    { numRuns: 50 },
  );
});
