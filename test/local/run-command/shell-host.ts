import { execFile } from "node:child_process";
import type { HostAnswer, HostCommand, NatHost } from "../../../local/host.ts";

/** A host that is this machine's `sh`, as the agent would run it, without root. For scripts of the tests alone. */
export const shellHost = (): NatHost & { commands: HostCommand[] } => {
  const commands: HostCommand[] = [];
  return {
    description: "this machine's sh",
    commands,
    run: (command) =>
      new Promise<HostAnswer>((resolve) => {
        commands.push(command);
        const env = { PATH: process.env.PATH, ...command.environment };
        execFile("sh", ["-c", command.script], { env }, (error, stdout, stderr) => {
          const exitCode = typeof error?.code === "number" ? error.code : 0;
          resolve({ kind: "exited", exitCode, stdout, stderr, seconds: 0 });
        });
      }),
    stop: async () => {},
  };
};
