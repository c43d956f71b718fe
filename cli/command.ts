/** What a command of the command line is. */
export type Command = {
  help: string;
  /** Returns the exit code. */
  run(args: string[]): Promise<number>;
};

/** A mistake of the person who typed it: one line that says what, and the way out. */
export class UsageError extends Error {
  override name = "UsageError";
}
