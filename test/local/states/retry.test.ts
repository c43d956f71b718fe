import fc from "fast-check";
import { expect, test } from "vitest";
import { retryDelay } from "../../../local/states/retry-delay.ts";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, run } from "./harness.ts";

type Fields = Record<string, unknown>;

/** A task that fails with these errors in turn and then succeeds; the delays are those between its attempts. */
async function failing(errors: string[], fields: Fields, random?: () => number) {
  let attempts = 0;
  const result = await run(
    {
      Try: { Type: "Task", Resource: lambda, Arguments: {}, ...fields, End: true },
      ...(fields.Catch === undefined ? {} : { Z: { Type: "Succeed", Output: "{% 'caught' %}" } }),
    },
    {
      tasks: async () => {
        const error = errors[attempts];
        attempts += 1;
        if (error !== undefined) throw new TaskError(error, `attempt ${attempts}`);
        return "done";
      },
      ...(random && { random }),
    },
  );
  const delays = result.history
    .filter((event) => event.type === "RetryScheduled")
    .map((event) => event.delaySeconds);
  return { ...result, attempts, delays };
}

test("without Retry the first error fails the execution, with its cause", async () => {
  expect(await failing(["A"], {})).toMatchObject({
    status: "FAILED",
    error: "A",
    cause: "attempt 1",
    attempts: 1,
  });
});

test("by default a retrier tries 3 times more, after 1, 2 and 4 seconds", async () => {
  const retried = await failing(["A", "A", "A", "A"], { Retry: [{ ErrorEquals: ["A"] }] });
  expect(retried).toMatchObject({ status: "FAILED", error: "A", attempts: 4, delays: [1, 2, 4], seconds: 7 });
});

test("an attempt that succeeds ends the retries", async () => {
  const retried = await failing(["A"], { Retry: [{ ErrorEquals: ["A"] }] });
  expect(retried).toMatchObject({ status: "SUCCEEDED", output: "done", attempts: 2 });
});

test("MaxAttempts 0 never retries", async () => {
  const retried = await failing(["A"], {
    Retry: [{ ErrorEquals: ["A"], MaxAttempts: 0 }, { ErrorEquals: ["States.ALL"] }],
  });
  expect(retried).toMatchObject({ attempts: 1, error: "A" });
});

test("MaxDelaySeconds caps the growth", async () => {
  const Retry = [
    { ErrorEquals: ["A"], IntervalSeconds: 3, BackoffRate: 3, MaxAttempts: 4, MaxDelaySeconds: 20 },
  ];
  expect((await failing(["A", "A", "A", "A"], { Retry })).delays).toEqual([3, 9, 20, 20]);
});

test("FULL jitter waits a random share of the delay", async () => {
  const Retry = [{ ErrorEquals: ["A"], IntervalSeconds: 8, MaxAttempts: 2, JitterStrategy: "FULL" }];
  expect((await failing(["A", "A"], { Retry }, () => 0.25)).delays).toEqual([2, 4]);
});

test("the first retrier that matches is used, and an exhausted one is not replaced by a later one", async () => {
  const Retry = [
    { ErrorEquals: ["A"], MaxAttempts: 1 },
    { ErrorEquals: ["States.ALL"], MaxAttempts: 5, IntervalSeconds: 9 },
  ];
  expect(await failing(["A", "A"], { Retry })).toMatchObject({ attempts: 2, delays: [1], error: "A" });
});

test("States.TaskFailed matches any error but States.Timeout, and States.ALL that too", async () => {
  const one = (name: string) => [{ ErrorEquals: [name], MaxAttempts: 1 }];
  expect((await failing(["Custom"], { Retry: one("States.TaskFailed") })).attempts).toBe(2);
  expect((await failing(["States.Timeout"], { Retry: one("States.TaskFailed") })).attempts).toBe(1);
  expect((await failing(["States.Timeout"], { Retry: one("States.ALL") })).attempts).toBe(2);
});

test("an error name is matched whole and with its case", async () => {
  const Retry = [{ ErrorEquals: ["Lambda.TooManyRequestsException"], MaxAttempts: 1 }];
  expect((await failing(["Lambda.TooManyRequestsException"], { Retry })).attempts).toBe(2);
  expect((await failing(["TooManyRequestsException"], { Retry })).attempts).toBe(1);
  expect((await failing(["lambda.toomanyrequestsexception"], { Retry })).attempts).toBe(1);
});

test("an error that is no TaskError goes by its name and message", async () => {
  class HostUnreachable extends Error {
    override readonly name = "HostUnreachable";
  }
  const { error, cause } = await run(
    { Try: { Type: "Task", Resource: lambda, Arguments: {}, End: true } },
    {
      tasks: async () => {
        throw new HostUnreachable("no answer");
      },
    },
  );
  expect([error, cause]).toEqual(["HostUnreachable", "no answer"]);
});

test("a query error of a Task can be retried and the arguments are computed anew", async () => {
  const Retry = [{ ErrorEquals: ["States.QueryEvaluationError"], MaxAttempts: 2 }];
  const Arguments = "{% $states.context.State.RetryCount = 2 ? {} : $states.input.gone %}";
  expect(await failing([], { Arguments, Retry })).toMatchObject({
    output: "done",
    delays: [1, 2],
    attempts: 1,
  });
});

const policy = fc.record({
  IntervalSeconds: fc.integer({ min: 1, max: 99_999_999 }),
  BackoffRate: fc.double({ min: 1, max: 1000, noNaN: true }),
  MaxDelaySeconds: fc.option(fc.integer({ min: 1, max: 31_622_399 }), { nil: undefined }),
});

test("a delay never exceeds its cap, never shrinks without jitter, and jitter never lengthens it", () => {
  fc.assert(
    fc.property(
      policy,
      fc.nat(500),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (p, earlier, share) => {
        const plain = { ...p, JitterStrategy: "NONE" } as const;
        const delay = retryDelay(plain, earlier, () => share);
        expect(delay).toBeGreaterThan(0);
        expect(delay).toBeLessThanOrEqual(p.MaxDelaySeconds ?? 31_536_000);
        expect(retryDelay(plain, earlier + 1, () => share)).toBeGreaterThanOrEqual(delay);
        const jittered = retryDelay({ ...p, JitterStrategy: "FULL" }, earlier, () => share);
        expect(jittered).toBeGreaterThanOrEqual(0);
        expect(jittered).toBeLessThanOrEqual(delay);
      },
    ),
  );
});
