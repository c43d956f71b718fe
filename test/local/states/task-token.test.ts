import { expect, test } from "vitest";
import type { TaskCall } from "../../../local/states/task.ts";
import { lambdaWithToken, machine, start } from "./harness.ts";

const ask = {
  Type: "Task",
  Resource: lambdaWithToken,
  Arguments: { Payload: { token: "{% $states.context.Task.Token %}" } },
};

/** Starts a machine and waits until a person is asked. */
async function asking(
  states: Record<string, unknown>,
  answer: (call: TaskCall) => Promise<unknown> = async () => "ignored",
) {
  const calls: TaskCall[] = [];
  let asked: () => void = () => {};
  const waiting = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const started = start(machine(states), {
    tasks: (call) => {
      calls.push(call);
      return answer(call);
    },
    onEvent: (event) => {
      if (event.type === "WaitingForTaskToken") asked();
    },
  });
  await Promise.race([waiting, started.execution.finished]);
  return { ...started, calls, token: calls[0]?.taskToken ?? "" };
}

test("a task that waits for a token passes it on, ignores the call's result and takes the token's", async () => {
  const { execution, calls, token } = await asking({
    Ask: { ...ask, Output: "{% $states.result.decision %}", End: true },
  });
  expect(calls[0]?.arguments).toEqual({ Payload: { token } });
  expect(execution.status()).toBe("RUNNING");
  expect(execution.taskSucceeded(token, { decision: "approve" })).toBe("accepted");
  expect(await execution.finished).toMatchObject({ status: "SUCCEEDED", output: "approve" });
});

test("a failure reported with the token can be caught by its name", async () => {
  const { execution, token } = await asking({
    Ask: { ...ask, Catch: [{ ErrorEquals: ["Rejected"], Next: "Done" }], End: true },
    Done: { Type: "Succeed" },
  });
  expect(execution.taskFailed(token, "Rejected", "not now")).toBe("accepted");
  expect((await execution.finished).output).toEqual({ Error: "Rejected", Cause: "not now" });
});

test("heartbeats keep the task waiting, and their absence ends it", async () => {
  const { execution, clock, token } = await asking({
    Ask: { ...ask, TimeoutSeconds: 1000, HeartbeatSeconds: 10, End: true },
  });
  const never = new AbortController().signal;
  for (let beats = 0; beats < 3; beats += 1) {
    await clock.sleep(8, never);
    expect(execution.taskHeartbeat(token)).toBe("accepted");
  }
  const { status, error, startedAt, stoppedAt } = await execution.finished;
  expect([status, error, (stoppedAt - startedAt) / 1000]).toEqual(["FAILED", "States.Timeout", 34]);
});

test("a token may be used before the call that carried it returns", async () => {
  const { execution } = start(machine({ Ask: { ...ask, End: true } }), {
    tasks: async ({ taskToken = "" }) => {
      execution.taskSucceeded(taskToken, "early");
      await new Promise(() => {});
    },
  });
  expect((await execution.finished).output).toBe("early");
});

test("a call that fails fails the task, and its token is dead", async () => {
  const { execution, token } = await asking({ Ask: { ...ask, End: true } }, async () => {
    throw new TypeError("cannot ask");
  });
  expect(await execution.finished).toMatchObject({ error: "TypeError", cause: "cannot ask" });
  expect(execution.taskSucceeded(token, 1)).toBe("task-timed-out");
});

test("a token works once, an unknown one never", async () => {
  const { execution, token } = await asking({
    Ask: { ...ask, Next: "Wait" },
    Wait: { Type: "Wait", Seconds: 5, End: true },
  });
  expect(execution.taskHeartbeat("made up")).toBe("task-does-not-exist");
  execution.taskSucceeded(token, 1);
  expect(execution.taskSucceeded(token, 2)).toBe("task-timed-out");
  expect(execution.taskFailed(token, "E", "c")).toBe("task-timed-out");
  expect(execution.taskHeartbeat(token)).toBe("task-timed-out");
  expect((await execution.finished).output).toBe(1);
});

test("every attempt has a token of its own", async () => {
  const { execution, calls } = await asking({
    Ask: {
      ...ask,
      TimeoutSeconds: 5,
      Retry: [{ ErrorEquals: ["States.Timeout"], MaxAttempts: 2 }],
      End: true,
    },
  });
  await execution.finished;
  expect(new Set(calls.map((call) => call.taskToken)).size).toBe(3);
});

test("an output that is no JSON or too large is refused, and the task goes on waiting", async () => {
  const { execution, token } = await asking({ Ask: { ...ask, End: true } });
  expect(() => execution.taskSucceeded(token, () => 1)).toThrow(TypeError);
  expect(() => execution.taskSucceeded(token, "x".repeat(262_143))).toThrow(RangeError);
  expect(execution.taskSucceeded(token, "ok")).toBe("accepted");
  expect((await execution.finished).output).toBe("ok");
});
