import type { Json } from "./json.ts";

/** One call of a task, as whoever executes tasks gets it. */
export type TaskCall = {
  resource: string;
  arguments: Json;
  /** Only for `.waitForTaskToken` resources. */
  taskToken?: string;
  /** Aborted when nobody waits for the result any more: timeout, stop, a sibling branch that failed. */
  signal: AbortSignal;
  state: string;
  /**
   * To be called at once, if at all: the task begins only when `turn` resolves, and its time limits count from then.
   * A queue in front of a few local threads is nothing that AWS would have.
   */
  begins(turn: Promise<unknown>): void;
};

/**
 * Executes tasks. What it resolves to must be JSON (nothing counts as null). For a resource that waits for a task
 * token the result is ignored; the token decides.
 */
export type RunTask = (call: TaskCall) => Promise<unknown>;

/**
 * Thrown by a task to choose the error name that `Retry` and `Catch` see, as a Lambda's `errorType` does.
 * Anything else that a task throws is reported under its own `name`, with its message as the cause.
 */
export class TaskError extends Error {
  override readonly name = "TaskError";
  readonly error: string;
  override readonly cause: string;

  constructor(error: string, cause = "") {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
  }
}
