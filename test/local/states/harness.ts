import { type VirtualClock, virtualClock } from "../../../local/states/clock.ts";
import { parseDefinition } from "../../../local/states/definition.ts";
import { type Execution, type ExecutionOptions, startExecution } from "../../../local/states/execution.ts";

export const lambda = "arn:aws:states:::lambda:invoke";
export const lambdaWithToken = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/** A definition from its states; the first one starts. */
export function machine(states: Record<string, unknown>, top: Record<string, unknown> = {}): string {
  return JSON.stringify({
    QueryLanguage: "JSONata",
    StartAt: Object.keys(states)[0],
    States: states,
    ...top,
  });
}

type Options = Partial<Pick<ExecutionOptions, "input" | "tasks" | "onEvent" | "random">> & {
  substitutions?: Record<string, string>;
};

export function start(
  definition: string,
  options: Options = {},
): { execution: Execution; clock: VirtualClock } {
  const clock = virtualClock();
  const execution = startExecution({
    definition: parseDefinition(definition, options.substitutions ?? {}),
    name: "test",
    stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:Machine",
    executionArn: "arn:aws:states:eu-central-1:123456789012:execution:Machine:test",
    input: {},
    tasks: async () => null,
    clock,
    ...options,
  });
  return { execution, clock };
}

/** Runs to the end on the virtual clock. */
export async function run(
  states: Record<string, unknown>,
  options: Options = {},
  top: Record<string, unknown> = {},
) {
  const { execution } = start(machine(states, top), options);
  const result = await execution.finished;
  return { ...result, seconds: (result.stoppedAt - result.startedAt) / 1000, history: execution.history() };
}
