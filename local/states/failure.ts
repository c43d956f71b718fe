import { TaskError } from "./task.ts";

/** A state failed; the machine looks for a retrier or a catcher. Without a cause, `cause` is empty. */
export class StateFailure extends Error {
  override readonly name = "StateFailure";
  readonly error: string;
  override readonly cause: string;
  /** A second name under which Retry and Catch may know the error. */
  readonly alias: string | undefined;

  constructor(error: string, cause: string, alias?: string) {
    super(`${error}: ${cause}`);
    this.error = error;
    this.cause = cause;
    this.alias = alias;
  }
}

export function timeout(): StateFailure {
  return new StateFailure("States.Timeout", "");
}

/**
 * Step Functions reports a missed heartbeat as States.Timeout and gives no cause; inside Retry and Catch
 * the name States.HeartbeatTimeout matches it too.
 */
export function heartbeatTimeout(): StateFailure {
  return new StateFailure("States.Timeout", "", "States.HeartbeatTimeout");
}

/** What a task threw, as the pair of error name and cause that Step Functions reports. */
export function taskFailure(thrown: unknown): StateFailure {
  if (thrown instanceof StateFailure) return thrown;
  if (thrown instanceof TaskError) return new StateFailure(thrown.error, thrown.cause);
  if (thrown instanceof Error) return new StateFailure(thrown.name, thrown.message);
  return new StateFailure("Error", String(thrown));
}

/**
 * Whether a retrier or catcher with these names takes an error.
 * "Handling errors in Step Functions workflows": nothing takes States.Runtime; States.DataLimitExceeded is taken
 * only by its own name; States.TaskFailed takes everything else except States.Timeout; States.ALL takes the rest.
 */
export function takes(errorEquals: readonly string[], { error, alias }: StateFailure): boolean {
  if (error === "States.Runtime") return false;
  if (errorEquals.includes(error) || (alias !== undefined && errorEquals.includes(alias))) return true;
  if (error === "States.DataLimitExceeded") return false;
  if (errorEquals.includes("States.ALL")) return true;
  return errorEquals.includes("States.TaskFailed") && error !== "States.Timeout";
}
