/**
 * Starts the shells of all hosts of a test, in a small process of its own: to start one from the process that holds a
 * whole stack takes ten times as long.
 */
import { spawn } from "node:child_process";
import * as z from "zod/mini";

export const Job = z.object({
  id: z.int(),
  /** A script and its arguments. */
  words: z.array(z.string()),
  environment: z.record(z.string(), z.string()),
});
export type Job = z.infer<typeof Job>;

export const Ran = z.object({ id: z.int(), exitCode: z.int(), stdout: z.string(), stderr: z.string() });
export type Ran = z.infer<typeof Ran>;

function run({ id, words, environment }: Job): void {
  const shell = spawn("/bin/sh", words, { env: environment, stdio: ["ignore", "pipe", "pipe"] });
  const texts = { stdout: "", stderr: "" };
  for (const stream of ["stdout", "stderr"] as const) {
    shell[stream].setEncoding("utf8").on("data", (text: string) => {
      texts[stream] += text;
    });
  }
  const tell = (exitCode: number) => process.send?.({ id, exitCode, ...texts } satisfies Ran);
  // 137: as for whatever a SIGKILL ended.
  shell.on("error", () => tell(127)).on("close", (code) => tell(code ?? 137));
}

if (process.argv[1] === import.meta.filename) {
  process.on("message", (job) => run(Job.parse(job)));
  process.on("disconnect", () => process.exit());
}
