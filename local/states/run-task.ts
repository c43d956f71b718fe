import { waitsForTaskToken } from "./definition-rules.ts";
import { heartbeatTimeout, StateFailure, taskFailure, timeout } from "./failure.ts";
import { type Json, toJson } from "./json.ts";
import type { TaskState } from "./schema.ts";
import {
  compute,
  computeWhole,
  finish,
  type Outcome,
  report,
  type Visit,
  where,
  withinLimit,
} from "./visit.ts";

/** One attempt at a Task: its arguments, the call guarded by both timeouts, and what becomes of the result. */
export async function runTask(visit: Visit, state: TaskState, retryCount: number): Promise<Outcome> {
  const { clock, tokens } = visit.run;
  let lastBeat = clock.now();
  const beat = () => {
    lastBeat = clock.now();
  };
  const open = waitsForTaskToken(state.Resource) ? tokens.open(beat) : undefined;
  const over = new AbortController();
  const signal = AbortSignal.any([visit.signal, over.signal]);
  try {
    const extra = { retryCount, ...(open && { context: { Task: { Token: open.token } } }) };
    const limit =
      state.TimeoutSeconds && (await computeWhole(visit, state.TimeoutSeconds, "TimeoutSeconds", 1, extra));
    const rhythm =
      state.HeartbeatSeconds &&
      (await computeWhole(visit, state.HeartbeatSeconds, "HeartbeatSeconds", 1, extra));
    if (limit !== undefined && rhythm !== undefined && rhythm >= limit) {
      throw new StateFailure(
        "States.QueryEvaluationError",
        `${where(visit)} HeartbeatSeconds (${rhythm}) is not smaller than TimeoutSeconds (${limit}).`,
      );
    }
    const args = withinLimit(visit, await compute(visit, state.Arguments, "Arguments", extra), "arguments");

    let turn: Promise<unknown> = Promise.resolve();
    const call = async (): Promise<Json> => {
      const called = visit.run.tasks({
        resource: state.Resource,
        arguments: args,
        ...(open && { taskToken: open.token }),
        signal,
        state: visit.name,
        begins: (promise) => {
          turn = promise;
        },
      });
      if (open === undefined) return jsonResult(await called);
      // Somebody may report with the token before the call itself returns.
      return Promise.race([
        open.result,
        called.then(() => {
          if (!signal.aborted) report(visit, { type: "WaitingForTaskToken" });
          return open.result;
        }),
      ]);
    };
    const timeLimit = async (): Promise<never> => {
      await turn;
      await clock.sleep(limit ?? 0, signal);
      throw timeout();
    };
    const heartbeatLimit = async (): Promise<never> => {
      const milliseconds = (rhythm ?? 0) * 1000;
      await turn;
      beat();
      for (let left = milliseconds; left > 0; left = lastBeat + milliseconds - clock.now()) {
        await clock.sleep(left / 1000, signal);
      }
      throw heartbeatTimeout();
    };

    report(visit, { type: "TaskScheduled", input: args });
    const rivals = [call(), rejectedOnAbort(signal)];
    if (limit !== undefined) rivals.push(timeLimit());
    if (rhythm !== undefined) rivals.push(heartbeatLimit());
    const result = await outcomeOf(visit, Promise.race(rivals));
    return await finish(visit, state, result, state.Next, { ...extra, states: { result } });
  } finally {
    over.abort(new Error("the task is over"));
    open?.close();
  }
}

/** A task that returns nothing returns null, as a Lambda does. */
function jsonResult(value: unknown): Json {
  return toJson(value ?? null);
}

function rejectedOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

async function outcomeOf(visit: Visit, race: Promise<Json>): Promise<Json> {
  try {
    const result = withinLimit(visit, await race, "a result");
    report(visit, { type: "TaskSucceeded", output: result });
    return result;
  } catch (thrown) {
    visit.signal.throwIfAborted();
    const failure = taskFailure(thrown);
    const { error, cause } = failure;
    report(visit, { type: error === "States.Timeout" ? "TaskTimedOut" : "TaskFailed", error, cause });
    throw failure;
  }
}
