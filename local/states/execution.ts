import type { Clock } from "./clock.ts";
import type { Definition } from "./definition.ts";
import type { EventType, ExecutionEvent } from "./events.ts";
import { StateFailure } from "./failure.ts";
import { mostEvents, tooManyEvents } from "./history-limit.ts";
import { dataLimitBytes, type Json, sizeInBytes, toJson } from "./json.ts";
import { runMachine } from "./run-machine.ts";
import type { RunTask } from "./task.ts";
import { type TokenAnswer, taskTokens } from "./task-tokens.ts";
import type { Run } from "./visit.ts";

export type ExecutionStatus = "RUNNING" | "SUCCEEDED" | "FAILED" | "TIMED_OUT" | "ABORTED";

/** How an execution ended. Times are milliseconds since the epoch, by the execution's clock. */
export type ExecutionResult = {
  status: Exclude<ExecutionStatus, "RUNNING">;
  output?: Json;
  error?: string;
  cause?: string;
  startedAt: number;
  stoppedAt: number;
};

export type Execution = {
  arn: string;
  name: string;
  startedAt: number;
  status(): ExecutionStatus;
  /** Never rejects. */
  finished: Promise<ExecutionResult>;
  /** StopExecution: aborts what is under way. Does nothing to an execution that has ended. */
  stop(error?: string, cause?: string): void;
  history(): ExecutionEvent[];
  /** @throws TypeError when the output is no JSON, RangeError when it is above 256 KiB */
  taskSucceeded(token: string, output: unknown): TokenAnswer;
  taskFailed(token: string, error: string, cause: string): TokenAnswer;
  taskHeartbeat(token: string): TokenAnswer;
};

export type ExecutionOptions = {
  definition: Definition;
  name: string;
  stateMachineArn: string;
  executionArn: string;
  input: unknown;
  tasks: RunTask;
  clock: Clock;
  /** `executionArn`: this execution, or one that a distributed Map of it started, whose events it does not keep. */
  onEvent?: (event: ExecutionEvent, executionArn: string) => void;
  /** In the context object as Execution.RoleArn, which does not exist without it. */
  roleArn?: string;
  /** A number in [0, 1) for the jitter of retries. */
  random?: () => number;
};

/**
 * Starts an execution; it runs on its own from here.
 * @throws TypeError when the input is no JSON, RangeError when it is above 256 KiB
 */
export function startExecution(options: ExecutionOptions): Execution {
  const { definition, clock, name, executionArn, stateMachineArn, onEvent = () => {} } = options;
  const input = payload(options.input ?? {}, "input");
  const startedAt = clock.now();
  const history: ExecutionEvent[] = [];
  const stopping = new AbortController();
  const timing = new AbortController();
  const tokens = taskTokens();
  const { promise: finished, resolve } = Promise.withResolvers<ExecutionResult>();
  let ended: ExecutionResult | undefined;

  const emit: Run["emit"] = (event) => {
    const recorded = { at: clock.now(), ...event };
    history.push(recorded);
    onEvent(recorded, executionArn);
    return history.length;
  };
  const end = (result: Omit<ExecutionResult, "startedAt" | "stoppedAt">, type: EventType) => {
    if (ended !== undefined) return;
    ended = { ...result, startedAt, stoppedAt: clock.now() };
    timing.abort(executionOver);
    stopping.abort(executionOver);
    resolve(ended);
    const { status: _, ...details } = result;
    emit({ type, ...details });
  };
  const fail = (error: string, cause: string) => {
    end({ status: "FAILED", ...(error && { error }), ...(cause && { cause }) }, "ExecutionFailed");
  };

  const run: Run = {
    tasks: options.tasks,
    clock,
    random: options.random ?? Math.random,
    tokens,
    context: {
      Execution: {
        Id: executionArn,
        Name: name,
        StartTime: new Date(startedAt).toISOString(),
        Input: input,
        RedriveCount: 0,
        ...(options.roleArn !== undefined && { RoleArn: options.roleArn }),
      },
      StateMachine: { Id: stateMachineArn, Name: stateMachineArn.split(":").at(-1) ?? "" },
    },
    emit: (event) => {
      if (ended !== undefined) return history.length;
      if (history.length < mostEvents - 1) return emit(event);
      fail("States.Runtime", tooManyEvents);
      return history.length;
    },
    emitFor: (childArn, event) => {
      if (ended === undefined) onEvent({ at: clock.now(), ...event }, childArn);
    },
  };

  const execute = async () => {
    // The caller has the execution in hand before its first task runs.
    await Promise.resolve();
    try {
      const scope = { signal: stopping.signal, prefix: "", context: {} };
      const output = await runMachine(run, definition, input, {}, scope);
      end({ status: "SUCCEEDED", output }, "ExecutionSucceeded");
    } catch (thrown) {
      if (thrown instanceof StateFailure) fail(thrown.error, thrown.cause);
      else
        fail("States.Runtime", thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown));
    }
  };
  const limit = async (seconds: number) => {
    try {
      await clock.sleep(seconds, timing.signal);
    } catch {
      // The execution ended first.
      return;
    }
    end({ status: "TIMED_OUT", error: "States.Timeout" }, "ExecutionTimedOut");
  };

  emit({ type: "ExecutionStarted", input });
  if (definition.TimeoutSeconds !== undefined) void limit(definition.TimeoutSeconds);
  void execute();

  return {
    arn: executionArn,
    name,
    startedAt,
    status: () => ended?.status ?? "RUNNING",
    finished,
    stop: (error, cause) => {
      end(
        { status: "ABORTED", ...(error !== undefined && { error }), ...(cause !== undefined && { cause }) },
        "ExecutionAborted",
      );
    },
    history: () => [...history],
    taskSucceeded: (token, output) => tokens.succeed(token, payload(output, "output")),
    taskFailed: (token, error, cause) => tokens.fail(token, error, cause),
    taskHeartbeat: (token) => tokens.heartbeat(token),
  };
}

const executionOver = new Error("the execution is over");

function payload(value: unknown, what: string): Json {
  const json = toJson(value);
  const size = sizeInBytes(json);
  if (size > dataLimitBytes)
    throw new RangeError(`the ${what} has ${size} bytes; the limit is ${dataLimitBytes}`);
  return json;
}
