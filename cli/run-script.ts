/** Running one of our host scripts without AWS: here, or over ssh. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../build/layout.ts";
import type { UnreadReason } from "../core/evidence.ts";
import { plainLine } from "../core/plain-text.ts";
import { spliceScript } from "../host/documents.ts";

export type Place = {
  /** `user@host`; `undefined`: this machine. */
  ssh?: string | undefined;
  /** Through `sudo -n`, for what only root may do. */
  sudo: boolean;
};

type Ended =
  | { status: "printed"; stdout: string }
  | { status: "unread"; reason: UnreadReason; detail: string };

type Run = {
  /** Its file in `host/`. */
  script: string;
  /** `SSM_` and the name, as the document's parameters arrive; of words without blanks or quotes. */
  parameters: Record<string, string>;
  /** Beyond the script's own deadline: what connecting and starting may take. */
  patienceSeconds: number;
};

export async function runScript({ ssh, sudo }: Place, run: Run): Promise<Ended> {
  const given = Object.entries(run.parameters).map(
    ([name, value]) => `SSM_${name}=${word(value)}; export SSM_${name}\n`,
  );
  const script = `${given.join("")}${spliceScript(join(root, "host", run.script))}`;
  // The script is read whole before it runs, so that nothing in it can swallow the rest of itself from standard input.
  const shell = `${sudo ? "sudo -n " : ""}sh -c "$(cat)"`;
  const [command, args] =
    ssh === undefined
      ? (["sh", ["-c", shell]] as const)
      : (["ssh", ["-o", "BatchMode=yes", "-o", "ConnectTimeout=5", "--", ssh, shell]] as const);
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    // Not spawn's own `timeout`: that one goes on after a command that could not even start.
    const giveUp = setTimeout(() => child.kill("SIGKILL"), run.patienceSeconds * 1000);
    const end = (ended: Ended) => {
      clearTimeout(giveUp);
      resolve(ended);
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
      if (stdout !== "") return end({ status: "printed", stdout });
      const detail = `${command} ended with ${code}: ${plainLine(stderr, 200) || "no output"}`;
      // 255 is ssh's own failure; anything else is the other end's.
      end(unread(code === 255 ? "unreachable" : "failed", detail));
    });
  });
}

/** @throws TypeError for a value that a shell would read as more than one word: some come from a host's evidence. */
function word(value: string): string {
  if (!/^[A-Za-z0-9_.:-]+$/.test(value)) throw new TypeError("a parameter is no plain word");
  return value;
}

function unread(reason: UnreadReason, detail: string): Ended {
  return { status: "unread", reason, detail };
}
