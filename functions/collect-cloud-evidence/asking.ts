/** Asking many things at once, each of which may fail without spoiling the others. */
import { logger } from "../step.ts";

export type Asking = {
  /** Resolves to `null` when it failed, which is one line in `unread`. */
  ask<Answer>(what: string, answer: Promise<Answer>): Promise<Answer | null>;
  /** Says that something was not read; also what was only left out. */
  leftOut(line: string): void;
  unread(): string[];
};

export function asking(): Asking {
  const unread: string[] = [];
  return {
    ask: async (what, answer) => {
      try {
        return await answer;
      } catch (error) {
        const line = `${what}: ${wordsOf(error)}`;
        logger.warn("not readable", { line });
        unread.push(line);
        return null;
      }
    },
    leftOut: (line) => unread.push(line),
    // In the same order each time, however the answers came.
    unread: () => unread.toSorted(),
  };
}

/** The SDK's errors are known by their names; their messages may be long and name resources. Ours are short. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown error";
  return error.name === "Error" ? error.message : error.name;
}
