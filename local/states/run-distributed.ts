import { randomUUID } from "node:crypto";
import { StateFailure } from "./failure.ts";
import { mostEvents, tooManyEvents } from "./history-limit.ts";
import type { Json } from "./json.ts";
import { runBranches } from "./run-branches.ts";
import type { Machine, MapState } from "./schema.ts";
import { computeWhole, type Run, report, type Scope, type Visit, withinLimit } from "./visit.ts";

/** "If you don't specify, Step Functions runs 10,000 parallel child workflow executions": also the most there are. */
const mostChildren = 10_000;

type Iteration = {
  items: Json[];
  select(item: Json, index: number): Promise<Json>;
  /** 0: as many as the service allows. */
  concurrency: number;
  retryCount: number;
  runMachine(
    run: Run,
    machine: Machine,
    input: Json,
    variables: Record<string, Json>,
    scope: Scope,
  ): Promise<Json>;
};

/**
 * A Map Run: each item is an execution of its own, with a history of its own and no variable from outside. Its events
 * go to whoever listens and are not kept.
 *
 * @returns per item its output, or `{Error, Cause}` of a failure that is tolerated
 * @throws StateFailure `States.ExceedToleratedFailureThreshold`; by default no failure is tolerated
 */
export async function runDistributed(
  visit: Visit,
  state: MapState,
  { items, select, concurrency, retryCount, runMachine }: Iteration,
): Promise<Json[]> {
  const { ToleratedFailurePercentage, ToleratedFailureCount } = state;
  const given = { retryCount };
  const percentage =
    ToleratedFailurePercentage &&
    (await computeWhole(visit, ToleratedFailurePercentage, "ToleratedFailurePercentage", 0, given));
  const count =
    ToleratedFailureCount &&
    (await computeWhole(visit, ToleratedFailureCount, "ToleratedFailureCount", 0, given));
  const label = state.Label ?? visit.name.replaceAll(/[^\w-]/g, "").slice(0, 40);

  let failed = 0;
  const tolerable = () => {
    if (percentage === undefined && count === undefined) return failed === 0;
    const ofAll = (failed / items.length) * 100;
    return (count === undefined || failed <= count) && (percentage === undefined || ofAll <= percentage);
  };
  const children = items.map((item, index) => async (signal: AbortSignal): Promise<Json> => {
    const input = withinLimit(visit, await select(item, index), "an item");
    try {
      return await runChild(visit, { label, index, input, signal });
    } catch (thrown) {
      signal.throwIfAborted();
      if (!(thrown instanceof StateFailure)) throw thrown;
      failed += 1;
      if (tolerable()) return { Error: thrown.error, Cause: thrown.cause };
      throw new StateFailure(
        "States.ExceedToleratedFailureThreshold",
        "The specified tolerated failure threshold was exceeded",
      );
    }
  });
  const runChild = async (
    { run, path }: Visit,
    child: { label: string; index: number; input: Json; signal: AbortSignal },
  ): Promise<Json> => {
    const { own, arn } = childOf(run, child.label, child.input);
    run.emitFor(arn, { type: "ExecutionStarted", input: child.input });
    const scope = { signal: child.signal, prefix: `${path}[${child.index}]/`, context: {} };
    try {
      const output = await runMachine(own, state.ItemProcessor, child.input, {}, scope);
      run.emitFor(arn, { type: "ExecutionSucceeded", output });
      return output;
    } catch (thrown) {
      if (child.signal.aborted) run.emitFor(arn, { type: "ExecutionAborted" });
      else if (thrown instanceof StateFailure)
        run.emitFor(arn, { type: "ExecutionFailed", error: thrown.error, cause: thrown.cause });
      throw thrown;
    }
  };

  report(visit, { type: "MapRunStarted" });
  try {
    const limit = Math.min(concurrency || mostChildren, mostChildren);
    const results = await runBranches(children, limit, visit.signal);
    report(visit, { type: "MapRunSucceeded" });
    return results;
  } catch (thrown) {
    if (thrown instanceof StateFailure)
      report(visit, { type: "MapRunFailed", error: thrown.error, cause: thrown.cause });
    throw thrown;
  }
}

/** `execution:machine/label:UUID` of `stateMachine:machine/label`: "Viewing Map Runs" in the developer guide. */
function childOf(run: Run, label: string, input: Json): { own: Run; arn: string } {
  const { StateMachine, Execution } = run.context;
  const id = `${StateMachine.Id}/${label}`;
  const name = randomUUID();
  const arn = `${id.replace(":stateMachine:", ":execution:")}:${name}`;
  let events = 1;
  const own: Run = {
    ...run,
    context: {
      Execution: {
        ...(typeof Execution === "object" && !Array.isArray(Execution) ? Execution : {}),
        Id: arn,
        Name: name,
        StartTime: new Date(run.clock.now()).toISOString(),
        Input: input,
      },
      StateMachine: { Id: id, Name: `${StateMachine.Name}/${label}` },
    },
    emit: (event) => {
      events += 1;
      if (events >= mostEvents) throw new StateFailure("States.Runtime", tooManyEvents);
      run.emitFor(arn, event);
      return events;
    },
  };
  return { own, arn };
}
