/** The moments between two effects of a function, and what may happen to it at one of them. */
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import type { Kill } from "../../../local/lambda/in-process.ts";

/** "The second GetItem of apply-fix with its first input": the same in every run of the same story. */
export type Effect = { functionName: string; input: number; operation: string; occurrence: number };
type Call = Parameters<Kill>[0];

/** Polls of a running command have no effect, and their number depends on the machine: the first two stand for all. */
const mostPolls = 2;

export const inWords = ({ functionName, input, operation, occurrence }: Effect) =>
  `${functionName}#${input} after ${operation}#${occurrence}`;

/** Says of each operation which effect it is; a function that is invoked again with the same input starts over. */
function effectCounter(): (call: Call) => Effect {
  const inputs = new Map<string, string[]>();
  const occurrences = new Map<string, number>();
  return (call) => {
    const { functionName, operation, n } = call;
    const known = inputs.get(functionName) ?? [];
    inputs.set(functionName, known);
    const text = inputOf(call);
    if (!known.includes(text)) known.push(text);
    const input = known.indexOf(text) + 1;
    const invocation = `${functionName}#${input} `;
    if (n === 1)
      for (const key of occurrences.keys()) if (key.startsWith(invocation)) occurrences.delete(key);
    const occurrence = (occurrences.get(invocation + operation) ?? 0) + 1;
    occurrences.set(invocation + operation, occurrence);
    return { functionName, input, operation, occurrence };
  };
}

/** What a repetition has in common with the first time. */
function inputOf({ functionName, payload }: Call): string {
  const text = JSON.stringify(payload);
  return functionName === "serve-approval-page"
    ? (/"method":"(\w+)"/.exec(text)?.[1] ?? "")
    : text.replace(/"taskToken":"[^"]*"/, "");
}

/** Writes down every effect once, and kills nobody. */
export function effectRecorder(): { effects: Effect[]; kill: Kill } {
  const effects = new Map<string, Effect>();
  const count = effectCounter();
  return {
    get effects() {
      return [...effects.values()];
    },
    kill: (call) => {
      const effect = count(call);
      if (call.operation !== "GetCommandInvocation" || effect.occurrence <= mostPolls) {
        effects.set(inWords(effect), effect);
      }
      return false;
    },
  };
}

/** In as few rounds as there are effects of one invocation: each round has one effect of each invocation at most. */
export function rounds(effects: readonly Effect[]): Effect[][] {
  const invocations = [
    ...Map.groupBy(effects, ({ functionName, input }) => `${functionName}#${input}`).values(),
  ];
  const most = Math.max(0, ...invocations.map(({ length }) => length));
  return Array.from({ length: most }, (_, round) => invocations.flatMap((group) => group[round] ?? []));
}

/** Does something right after each of these effects, once. */
function after(doomed: readonly Effect[], act: () => boolean): { left(): string[]; kill: Kill } {
  const count = effectCounter();
  const left = new Set(doomed.map(inWords));
  return {
    left: () => [...left],
    kill: (call) => left.delete(inWords(count(call))) && act(),
  };
}

export const killAfter = (doomed: readonly Effect[]) => after(doomed, () => true);

/** The effect is there, and whoever asked for it gets an error instead of the answer. */
export const loseAnswers = (doomed: readonly Effect[]) =>
  after(doomed, () => {
    throw new AwsError("InternalServerError", "the answer is lost", { status: 500 });
  });
