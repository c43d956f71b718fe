import { randomUUID } from "node:crypto";
import { StateFailure } from "./failure.ts";
import type { Json } from "./json.ts";

/** `task-timed-out` is the service's word for a token whose task is over, whatever ended it. */
export type TokenAnswer = "accepted" | "task-timed-out" | "task-does-not-exist";

type Waiting = { succeed: (output: Json) => void; fail: (failure: StateFailure) => void; beat: () => void };

export type OpenToken = {
  token: string;
  /** Settles when somebody reports success or failure with the token. */
  result: Promise<Json>;
  close: () => void;
};

export type TaskTokens = {
  open(onHeartbeat: () => void): OpenToken;
  succeed(token: string, output: Json): TokenAnswer;
  fail(token: string, error: string, cause: string): TokenAnswer;
  heartbeat(token: string): TokenAnswer;
};

/** The tokens of one execution. Each attempt of a task gets a new one. */
export function taskTokens(): TaskTokens {
  const waiting = new Map<string, Waiting>();
  const closed = new Set<string>();
  const close = (token: string) => {
    if (waiting.delete(token)) closed.add(token);
  };
  const answer = (token: string, act: (task: Waiting) => void): TokenAnswer => {
    const task = waiting.get(token);
    if (task === undefined) return closed.has(token) ? "task-timed-out" : "task-does-not-exist";
    act(task);
    return "accepted";
  };
  return {
    open: (onHeartbeat) => {
      const token = randomUUID();
      const { promise, resolve, reject } = Promise.withResolvers<Json>();
      waiting.set(token, { succeed: resolve, fail: reject, beat: onHeartbeat });
      return { token, result: promise, close: () => close(token) };
    },
    succeed: (token, output) =>
      answer(token, (task) => {
        close(token);
        task.succeed(output);
      }),
    fail: (token, error, cause) =>
      answer(token, (task) => {
        close(token);
        task.fail(new StateFailure(error, cause));
      }),
    heartbeat: (token) => answer(token, (task) => task.beat()),
  };
}
