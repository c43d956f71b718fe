import type { Clock } from "./clock.ts";
import type { ExecutionEvent } from "./events.ts";
import { type Bindings, evaluate, evaluateAs, type Template } from "./expression.ts";
import { StateFailure } from "./failure.ts";
import { dataLimitBytes, type Json, sizeInBytes } from "./json.ts";
import { type Assignments, longestSeconds } from "./schema.ts";
import type { RunTask } from "./task.ts";
import type { TaskTokens } from "./task-tokens.ts";

type JsonObject = { [key: string]: Json };

/** What all states of one execution share. */
export type Run = {
  tasks: RunTask;
  clock: Clock;
  random: () => number;
  tokens: TaskTokens;
  context: JsonObject & { StateMachine: { Id: string; Name: string } };
  /** @returns the event's number, from 1 */
  emit: (event: Omit<ExecutionEvent, "at">) => number;
  /** An event of another execution, which belongs to this one: an item of a distributed Map. */
  emitFor: (executionArn: string, event: Omit<ExecutionEvent, "at">) => void;
};

/** What the states of one machine, branch or item share. */
export type Scope = {
  signal: AbortSignal;
  /** Put before the state's name to make its path. */
  prefix: string;
  /** Added to the context object: the item of a Map. */
  context: JsonObject;
};

/** A state being executed, once, with all its retries. */
export type Visit = Scope & {
  run: Run;
  name: string;
  path: string;
  input: Json;
  variables: JsonObject;
  enteredAt: number;
  eventId: number;
};

/** How a state ends; without `next` its machine ends with it. */
export type Outcome = { output: Json; assigned: JsonObject; next?: string | undefined };

type Extra = { states?: JsonObject; context?: JsonObject; retryCount?: number };

/** Events of an aborted branch are not part of the history. */
export function report(visit: Visit, event: Omit<ExecutionEvent, "at" | "state" | "path">): void {
  if (!visit.signal.aborted) visit.run.emit({ ...event, state: visit.name, path: visit.path });
}

export function compute(visit: Visit, template: Template, field: string, extra: Extra = {}): Promise<Json> {
  return located(visit, evaluate(template, bindings(visit, extra), field));
}

/** A number of seconds, or of anything else that is whole. */
export function computeWhole(
  visit: Visit,
  template: Template,
  field: string,
  least: number,
  extra: Extra = {},
) {
  const isWhole = (value: Json): value is number =>
    typeof value === "number" && Number.isInteger(value) && value >= least && value <= longestSeconds;
  const expected = `integer from ${least} to ${longestSeconds}`;
  return located(visit, evaluateAs(template, bindings(visit, extra), field, expected, isWhole));
}

export function computeAs<T extends Json>(
  visit: Visit,
  template: Template,
  field: string,
  expected: string,
  is: (value: Json) => value is T,
  extra: Extra = {},
): Promise<T> {
  return located(visit, evaluateAs(template, bindings(visit, extra), field, expected, is));
}

/** Assign and Output are evaluated side by side: both see the variables as they were when the state was entered. */
export async function finish(
  visit: Visit,
  rule: { Assign: Assignments; Output?: Template | undefined },
  otherwise: Json,
  next: string | undefined,
  extra: Extra = {},
  prefix = "",
): Promise<Outcome> {
  const assigning: Template = { kind: "object", fields: new Map(Object.entries(rule.Assign)) };
  const isObject = (value: Json): value is JsonObject => typeof value === "object" && value !== null;
  const [assigned, output] = await Promise.all([
    computeAs(visit, assigning, `${prefix}Assign`, "object", isObject, extra),
    rule.Output === undefined ? otherwise : compute(visit, rule.Output, `${prefix}Output`, extra),
  ]);
  withinLimit(visit, assigned, "assigned variables");
  return { assigned, output: withinLimit(visit, output, "an output"), next };
}

/** @throws StateFailure `States.DataLimitExceeded` above 256 KiB */
export function withinLimit(visit: Visit, value: Json, what: string): Json {
  if (sizeInBytes(value) <= dataLimitBytes) return value;
  throw new StateFailure(
    "States.DataLimitExceeded",
    `The state/task '${visit.name}' returned ${what} with a size exceeding the maximum number of bytes service limit.`,
  );
}

/** The words that Step Functions puts before the cause of an error that the machine itself made. */
export function where(visit: Visit): string {
  return `An error occurred while executing the state '${visit.name}' (entered at the event id #${visit.eventId}).`;
}

async function located<T>(visit: Visit, evaluation: Promise<T>): Promise<T> {
  try {
    return await evaluation;
  } catch (thrown) {
    if (thrown instanceof StateFailure)
      throw new StateFailure(thrown.error, `${where(visit)} ${thrown.cause}`);
    throw thrown;
  }
}

function bindings(visit: Visit, { states, context, retryCount = 0 }: Extra): Bindings {
  const { run, name, enteredAt, input, variables } = visit;
  const State = { Name: name, EnteredTime: new Date(enteredAt).toISOString(), RetryCount: retryCount };
  return {
    variables,
    nowMs: run.clock.now(),
    states: { input, ...states, context: { ...run.context, State, ...visit.context, ...context } },
  };
}
