import type { Json } from "./json.ts";

/** What happens in an execution, in the words of GetExecutionHistory where it has them. */
export type ExecutionEvent = {
  /** Milliseconds since the epoch, by the execution's clock. */
  at: number;
  type: EventType;
  /** The innermost state. */
  state?: string;
  /** The state with the branches and items that lead to it, such as `Collect evidence[1]/Read host`. */
  path?: string;
  input?: Json;
  output?: Json;
  error?: string;
  cause?: string;
  /** RetryScheduled: after the jitter. */
  delaySeconds?: number;
};

export type EventType =
  | "ExecutionStarted"
  | "StateEntered"
  | "StateExited"
  | "TaskScheduled"
  | "TaskSucceeded"
  | "TaskFailed"
  | "TaskTimedOut"
  | "RetryScheduled"
  | "StateCaught"
  | "WaitingForTaskToken"
  | "MapRunStarted"
  | "MapRunSucceeded"
  | "MapRunFailed"
  | "ExecutionSucceeded"
  | "ExecutionFailed"
  | "ExecutionAborted"
  | "ExecutionTimedOut";
