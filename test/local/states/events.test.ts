import { expect, test } from "vitest";
import type { ExecutionEvent } from "../../../local/states/events.ts";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, machine, start } from "./harness.ts";

test("events stream as they happen, and the history is the same", async () => {
  const seen: ExecutionEvent[] = [];
  let attempts = 0;
  const { execution } = start(
    machine({
      Ask: {
        Type: "Task",
        Resource: lambda,
        Arguments: { q: 1 },
        Retry: [{ ErrorEquals: ["Once"], IntervalSeconds: 3 }],
        Next: "Done",
      },
      Done: { Type: "Succeed" },
    }),
    {
      input: { i: 1 },
      onEvent: (event) => seen.push(event),
      tasks: async () => {
        attempts += 1;
        if (attempts === 1) throw new TaskError("Once", "why");
        return "answer";
      },
    },
  );
  await execution.finished;
  const begin = execution.startedAt;
  const of = { state: "Ask", path: "Ask" };
  expect(seen).toEqual([
    { at: begin, type: "ExecutionStarted", input: { i: 1 } },
    { at: begin, type: "StateEntered", input: { i: 1 }, ...of },
    { at: begin, type: "TaskScheduled", input: { q: 1 }, ...of },
    { at: begin, type: "TaskFailed", error: "Once", cause: "why", ...of },
    { at: begin, type: "RetryScheduled", error: "Once", cause: "why", delaySeconds: 3, ...of },
    { at: begin + 3000, type: "TaskScheduled", input: { q: 1 }, ...of },
    { at: begin + 3000, type: "TaskSucceeded", output: "answer", ...of },
    { at: begin + 3000, type: "StateExited", output: "answer", ...of },
    { at: begin + 3000, type: "StateEntered", input: "answer", state: "Done", path: "Done" },
    { at: begin + 3000, type: "StateExited", output: "answer", state: "Done", path: "Done" },
    { at: begin + 3000, type: "ExecutionSucceeded", output: "answer" },
  ]);
  expect(execution.history()).toEqual(seen);
});
