import { StateFailure, takes } from "./failure.ts";
import type { Json } from "./json.ts";
import { retryDelay } from "./retry-delay.ts";
import { runBranches } from "./run-branches.ts";
import { runDistributed } from "./run-distributed.ts";
import { runTask } from "./run-task.ts";
import {
  type ChoiceState,
  type FailState,
  isTimestamp,
  type Machine,
  type MapState,
  type ParallelState,
  type Retrier,
  type State,
  type TaskState,
  type WaitState,
} from "./schema.ts";
import {
  compute,
  computeAs,
  computeWhole,
  finish,
  type Outcome,
  type Run,
  report,
  type Scope,
  type Visit,
  where,
  withinLimit,
} from "./visit.ts";

/**
 * Executes a machine from StartAt to its end and returns the last state's output.
 * Variables of an outer scope can be read; those assigned here end with this machine.
 * @throws StateFailure when a state fails and nothing catches it; the signal's reason when that aborts
 */
export async function runMachine(
  run: Run,
  machine: Machine,
  input: Json,
  outerVariables: { [name: string]: Json },
  scope: Scope,
): Promise<Json> {
  let data = input;
  let variables = outerVariables;
  let name: string | undefined = machine.StartAt;
  while (name !== undefined) {
    scope.signal.throwIfAborted();
    const state = machine.States.get(name);
    if (state === undefined) throw new Error(`no state "${name}"`);
    const outcome: Outcome = await visitState(run, scope, name, state, data, variables);
    data = outcome.output;
    variables = { ...variables, ...outcome.assigned };
    name = outcome.next;
  }
  return data;
}

async function visitState(
  run: Run,
  scope: Scope,
  name: string,
  state: State,
  input: Json,
  variables: { [name: string]: Json },
): Promise<Outcome> {
  const path = scope.prefix + name;
  const eventId = run.emit({ type: "StateEntered", state: name, path, input });
  const visit: Visit = { ...scope, run, name, path, input, variables, enteredAt: run.clock.now(), eventId };
  const outcome = await runState(visit, state);
  report(visit, { type: "StateExited", output: outcome.output });
  return outcome;
}

async function runState(visit: Visit, state: State): Promise<Outcome> {
  switch (state.Type) {
    case "Task":
      return withHandling(visit, state, (retryCount) => runTask(visit, state, retryCount));
    case "Parallel":
      return withHandling(visit, state, (retryCount) => runParallel(visit, state, retryCount));
    case "Map":
      return withHandling(visit, state, (retryCount) => runMap(visit, state, retryCount));
    case "Choice":
      return runChoice(visit, state);
    case "Wait":
      await wait(visit, state);
      return finish(visit, state, visit.input, state.Next);
    case "Pass":
      return finish(visit, state, visit.input, state.Next);
    case "Succeed":
      return finish(visit, { Assign: {}, Output: state.Output }, visit.input, undefined);
    case "Fail":
      throw await failureOf(visit, state);
    default:
      return state satisfies never;
  }
}

/** Retry first, by the first retrier that takes the error; when that is exhausted or there is none, Catch. */
async function withHandling(
  visit: Visit,
  state: TaskState | ParallelState | MapState,
  attempt: (retryCount: number) => Promise<Outcome>,
): Promise<Outcome> {
  const retries = new Map<Retrier, number>();
  for (let retryCount = 0; ; retryCount += 1) {
    try {
      return await attempt(retryCount);
    } catch (thrown) {
      visit.signal.throwIfAborted();
      if (!(thrown instanceof StateFailure)) throw thrown;
      const retrier = state.Retry.find((rule) => takes(rule.ErrorEquals, thrown));
      const earlier = retrier === undefined ? 0 : (retries.get(retrier) ?? 0);
      if (retrier === undefined || earlier >= retrier.MaxAttempts)
        return caught(visit, state, thrown, retryCount);
      retries.set(retrier, earlier + 1);
      const delaySeconds = retryDelay(retrier, earlier, visit.run.random);
      report(visit, { type: "RetryScheduled", error: thrown.error, cause: thrown.cause, delaySeconds });
      await visit.run.clock.sleep(delaySeconds, visit.signal);
    }
  }
}

async function caught(
  visit: Visit,
  state: TaskState | ParallelState | MapState,
  failure: StateFailure,
  retryCount: number,
): Promise<Outcome> {
  const index = state.Catch.findIndex((rule) => takes(rule.ErrorEquals, failure));
  const catcher = state.Catch[index];
  if (catcher === undefined) throw failure;
  const { error, cause } = failure;
  report(visit, { type: "StateCaught", error, cause });
  const errorOutput = { Error: error, Cause: cause };
  const extra = { states: { errorOutput }, retryCount };
  return finish(visit, catcher, errorOutput, catcher.Next, extra, `Catch[${index}]/`);
}

async function runParallel(visit: Visit, state: ParallelState, retryCount: number): Promise<Outcome> {
  const input =
    state.Arguments === undefined ? visit.input : await compute(visit, state.Arguments, "Arguments");
  withinLimit(visit, input, "arguments");
  const branches = state.Branches.map((branch, index) => (signal: AbortSignal) => {
    const scope = { signal, prefix: `${visit.path}[${index}]/`, context: visit.context };
    return runMachine(visit.run, branch, input, visit.variables, scope);
  });
  const result = withinLimit(visit, await runBranches(branches, branches.length, visit.signal), "a result");
  return finish(visit, state, result, state.Next, { states: { result }, retryCount });
}

/** "An inline Map state supports up to 40 concurrent iterations": Map state processing modes. */
const mostIterations = 40;

async function runMap(visit: Visit, state: MapState, retryCount: number): Promise<Outcome> {
  const items = await computeAs(
    visit,
    state.Items ?? { kind: "literal", value: visit.input },
    "Items",
    "array",
    (value) => Array.isArray(value),
    { retryCount },
  );
  const asked =
    state.MaxConcurrency && (await computeWhole(visit, state.MaxConcurrency, "MaxConcurrency", 0));
  const contextOf = (item: Json, index: number) => ({
    ...visit.context,
    Map: { Item: { Index: index, Value: item } },
  });
  const select = async (item: Json, index: number): Promise<Json> =>
    state.ItemSelector === undefined
      ? item
      : compute(visit, state.ItemSelector, "ItemSelector", { context: contextOf(item, index), retryCount });
  if (state.ItemProcessor.ProcessorConfig.Mode === "DISTRIBUTED") {
    const run = { items, select, concurrency: asked ?? 0, retryCount, runMachine };
    const result = withinLimit(visit, await runDistributed(visit, state, run), "a result");
    return finish(visit, state, result, state.Next, { states: { result }, retryCount });
  }
  const iterations = items.map((item, index) => async (signal: AbortSignal) => {
    const scope = { signal, prefix: `${visit.path}[${index}]/`, context: contextOf(item, index) };
    return runMachine(visit.run, state.ItemProcessor, await select(item, index), visit.variables, scope);
  });
  const limit = Math.min(asked || mostIterations, mostIterations);
  const result = withinLimit(visit, await runBranches(iterations, limit, visit.signal), "a result");
  return finish(visit, state, result, state.Next, { states: { result }, retryCount });
}

async function runChoice(visit: Visit, state: ChoiceState): Promise<Outcome> {
  const isBoolean = (value: Json): value is boolean => typeof value === "boolean";
  for (const [index, rule] of state.Choices.entries()) {
    const prefix = `Choices[${index}]/`;
    if (await computeAs(visit, rule.Condition, `${prefix}Condition`, "boolean", isBoolean)) {
      return finish(visit, rule, visit.input, rule.Next, {}, prefix);
    }
  }
  if (state.Default !== undefined) return finish(visit, state, visit.input, state.Default);
  // States.NoChoiceMatched is "reserved for future use": the service reports States.Runtime, in these words.
  throw new StateFailure(
    "States.Runtime",
    `${where(visit)} Failed to transition out of the state. The state does not point to a next state.`,
  );
}

async function wait(visit: Visit, state: WaitState): Promise<void> {
  const { clock } = visit.run;
  if (state.Seconds !== undefined) {
    await clock.sleep(await computeWhole(visit, state.Seconds, "Seconds", 0), visit.signal);
  } else if (state.Timestamp !== undefined) {
    const until = await computeAs(visit, state.Timestamp, "Timestamp", "RFC 3339 timestamp", isTimestamp);
    await clock.sleep((Date.parse(until) - clock.now()) / 1000, visit.signal);
  }
}

async function failureOf(visit: Visit, state: FailState): Promise<StateFailure> {
  const isString = (value: Json): value is string => typeof value === "string";
  const [error, cause] = await Promise.all([
    state.Error && computeAs(visit, state.Error, "Error", "string", isString),
    state.Cause && computeAs(visit, state.Cause, "Cause", "string", isString),
  ]);
  return new StateFailure(error ?? "", cause ?? "");
}
