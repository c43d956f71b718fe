/** Running the collector without AWS: here, or over ssh. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../build/layout.ts";
import { readHostOutput } from "../core/evidence/host-output.ts";
import type { HostReading, UnreadReason } from "../core/evidence.ts";
import { plainLine } from "../core/plain-text.ts";
import { spliceScript } from "../host/documents.ts";

export type Collection = {
  /** `user@host`; `undefined`: this machine. */
  ssh?: string | undefined;
  /** Through `sudo -n`, for signals that only root may read. */
  sudo: boolean;
  /** Seconds between the two counter samples. */
  sampleSeconds: number;
};

const collector = join(root, "host", "collect-host-evidence.sh");

/** Beyond the collector's own deadline: what connecting and starting may take. */
const patienceMilliseconds = 60_000;

export async function collect({ ssh, sudo, sampleSeconds }: Collection): Promise<HostReading> {
  const script = `SSM_SampleSeconds=${sampleSeconds}; export SSM_SampleSeconds\n${spliceScript(collector)}`;
  // The script is read whole before it runs, so that nothing in it can swallow the rest of itself from standard input.
  const shell = `${sudo ? "sudo -n " : ""}sh -c "$(cat)"`;
  const [command, args] =
    ssh === undefined
      ? (["sh", ["-c", shell]] as const)
      : (["ssh", ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "--", ssh, shell]] as const);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    // Not spawn's own `timeout`: that one goes on after a command that could not even start.
    const giveUp = setTimeout(() => child.kill("SIGKILL"), patienceMilliseconds);
    const end = (reading: HostReading) => {
      clearTimeout(giveUp);
      resolve(reading);
    };
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.stdin.on("error", () => {});
    child.stdin.end(script);
    child.on("error", (error) => end(unread("unreachable", `${command}: ${error.message}`)));
    child.on("close", (code, signal) => {
      if (signal !== null) return end(unread("timed-out", `${command} was ended by ${signal}`));
      if (stdout !== "") return end(readHostOutput(stdout));
      const detail = `${command} ended with ${code}: ${plainLine(stderr, 200) || "no output"}`;
      // 255 is ssh's own failure; anything else is the other end's.
      end(unread(code === 255 ? "unreachable" : "failed", detail));
    });
  });
}

function unread(reason: UnreadReason, detail: string): HostReading {
  return { status: "unread", reason, detail };
}
