/** The moments between two effects of a function, and a kill at one of them. */
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import type { Kill } from "../../../local/lambda/in-process.ts";

/** "The second GetItem of the first invocation of apply-fix": the same in every run of the same story. */
export type Effect = { functionName: string; invocation: number; operation: string; occurrence: number };

/** Polls of a running command have no effect, and their number depends on the machine: the first two stand for all. */
const mostPolls = 2;

const isSame = (a: Effect, b: Effect) =>
  a.functionName === b.functionName &&
  a.invocation === b.invocation &&
  a.operation === b.operation &&
  a.occurrence === b.occurrence;

export const inWords = ({ functionName, invocation, operation, occurrence }: Effect) =>
  `${functionName}#${invocation} after ${operation}#${occurrence}`;

/** Says of each operation which effect it is. */
function effectCounter(): (call: Parameters<Kill>[0]) => Effect {
  const invocations = new Map<string, number>();
  const occurrences = new Map<string, number>();
  return ({ functionName, operation, n }) => {
    if (n === 1) {
      invocations.set(functionName, (invocations.get(functionName) ?? 0) + 1);
      for (const key of occurrences.keys()) if (key.startsWith(`${functionName} `)) occurrences.delete(key);
    }
    const key = `${functionName} ${operation}`;
    const occurrence = (occurrences.get(key) ?? 0) + 1;
    occurrences.set(key, occurrence);
    return { functionName, invocation: invocations.get(functionName) ?? 0, operation, occurrence };
  };
}

/** Writes down every effect, and kills nobody. */
export function effectRecorder(): { effects: Effect[]; kill: Kill } {
  const effects: Effect[] = [];
  const count = effectCounter();
  return {
    effects,
    kill: (call) => {
      const effect = count(call);
      if (call.operation !== "GetCommandInvocation" || effect.occurrence <= mostPolls) effects.push(effect);
      return false;
    },
  };
}

/** Kills once, right after this effect. */
export function killAfter(doomed: Effect): { killed(): boolean; kill: Kill } {
  const count = effectCounter();
  let killed = false;
  return {
    killed: () => killed,
    kill: (call) => {
      const now = isSame(count(call), doomed) && !killed;
      killed ||= now;
      return now;
    },
  };
}

/** The effect is there, and whoever asked for it gets an error instead of the answer, once. */
export function loseAnswerOf(lost: Effect): Kill {
  const count = effectCounter();
  let isLost = false;
  return (call) => {
    if (isLost || !isSame(count(call), lost)) return false;
    isLost = true;
    throw new AwsError("InternalServerError", "the answer is lost", { status: 500 });
  };
}
