/**
 * A NAT instance with a real kernel in QEMU, and how to run things on it.
 * Emulated (TCG): it needs no KVM and boots in about seven seconds.
 */
import { closeSync } from "node:fs";
import * as z from "zod/mini";
import { pollingPauses } from "./guest-agent.ts";
import { guestImage, type System } from "./image.ts";
import { type Machine, ownDisk, powerOn, type Running } from "./machine.ts";

/** The script ran longer than it may; its process group was killed and its output is lost. */
export class GuestTimeout extends Error {
  override name = "GuestTimeout";
}

export type GuestRun = { exitCode: number; stdout: string; stderr: string; seconds: number };

export type GuestOptions = {
  environment?: Record<string, string>;
  /** Default 60. */
  timeoutSeconds?: number;
  stdin?: string;
};

export type Guest = {
  /** Release of the guest's kernel, e.g. `6.1.0-56-cloud-amd64`. */
  kernel: string;
  /**
   * Runs shell text as root, from a file as the SSM agent does. Runs may overlap.
   * A signal's death is exit code 128 + signal, as shells say it.
   * @throws GuestTimeout after SIGKILL of the process group, GuestUnreachable when the guest does not answer.
   */
  run(script: string, options?: GuestOptions): Promise<GuestRun>;
  /** Like `run`, for scripts whose failure is an error; gives their output. */
  must(script: string, options?: GuestOptions): Promise<string>;
  /** Writes a file, with mode 0644 or the one it has. */
  put(path: string, text: string): Promise<void>;
  /**
   * Switches the machine off, after a sync, and on again: its disk survives, everything else does not.
   * Not by a reset from inside, which took between 1 and 90 s until the next kernel started (QEMU 7.2, TCG).
   */
  reboot(): Promise<void>;
  stop(): Promise<void>;
};

/**
 * Boots a guest. It ends with `stop()`, and with this process however that ends.
 * @param memoryMiB sets the kernel's own default of nf_conntrack_max: 8192 at 1024 MiB, 4096 at 512 MiB. Default 1024.
 * @param processors 2 by default, so that what the kernel counts for each of them has to be added up.
 * @param system which Debian, and so which kernel; by default the one with Amazon Linux 2023's series.
 * @param init process 1: the lab's own script (default), or systemd, which takes a second longer to boot.
 */
export async function bootGuest(
  options: Partial<Machine> & { system?: System; report?: (line: string) => void } = {},
): Promise<Guest> {
  const image = await guestImage(options.report, options.system);
  const disk = ownDisk(image);
  const { memoryMiB = 1024, processors = 2, init = "lab" } = options;
  const start = () => powerOn(image, disk, { memoryMiB, processors, init });
  try {
    return await guestOf(await start(), start, () => closeSync(disk));
  } catch (error) {
    closeSync(disk);
    throw error;
  }
}

const started = z.object({ pid: z.number() });
const status = z.object({
  exited: z.boolean(),
  exitcode: z.optional(z.number()),
  signal: z.optional(z.number()),
  "out-data": z.optional(z.string()),
  "err-data": z.optional(z.string()),
});

async function guestOf(first: Running, start: () => Promise<Running>, throwAway: () => void): Promise<Guest> {
  let running = first;
  let scripts = 0;
  let thrownAway = false;

  async function put(path: string, text: string): Promise<void> {
    const { agent } = running;
    const handle = await agent.call("guest-file-open", { path, mode: "w" });
    const bytes = Buffer.from(text, "utf8");
    const chunk = 1 << 20;
    for (let at = 0; at < bytes.length; at += chunk) {
      const part = bytes.subarray(at, at + chunk).toString("base64");
      await agent.call("guest-file-write", { handle, "buf-b64": part });
    }
    await agent.call("guest-file-close", { handle });
  }

  async function run(script: string, options: GuestOptions = {}): Promise<GuestRun> {
    // Of this boot: after a reboot nobody answers for what ran before.
    const { agent } = running;
    const file = `/run/lab/script-${scripts++}`;
    await put(file, script);
    const begin = performance.now();
    const timeoutSeconds = options.timeoutSeconds ?? 60;
    const environment = {
      PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: "/root",
      ...options.environment,
    };
    const { pid } = started.parse(
      await agent.call("guest-exec", {
        // Its own process group, so that a timeout can kill all of it.
        path: "/usr/bin/setsid",
        arg: ["sh", file],
        env: Object.entries(environment).map(([name, value]) => `${name}=${value}`),
        "capture-output": true,
        ...(options.stdin === undefined
          ? {}
          : { "input-data": Buffer.from(options.stdin, "utf8").toString("base64") }),
      }),
    );
    for await (const _ of pollingPauses(Date.now() + timeoutSeconds * 1000)) {
      const now = status.parse(await agent.call("guest-exec-status", { pid }));
      if (!now.exited) continue;
      return {
        exitCode: now.signal === undefined ? (now.exitcode ?? 0) : 128 + now.signal,
        stdout: Buffer.from(now["out-data"] ?? "", "base64").toString("utf8"),
        stderr: Buffer.from(now["err-data"] ?? "", "base64").toString("utf8"),
        seconds: (performance.now() - begin) / 1000,
      };
    }
    await agent.call("guest-exec", { path: "/bin/kill", arg: ["-KILL", "--", `-${pid}`] });
    throw new GuestTimeout(`killed after ${timeoutSeconds} s`);
  }

  async function must(script: string, options?: GuestOptions): Promise<string> {
    const { exitCode, stdout, stderr } = await run(script, options);
    if (exitCode !== 0) throw new Error(`exit code ${exitCode} in the guest: ${stderr.trim()}`);
    return stdout;
  }

  async function reboot(): Promise<void> {
    await must("sync");
    await running.powerOff();
    running = await start();
  }

  async function stop(): Promise<void> {
    await running.powerOff();
    if (!thrownAway) throwAway();
    thrownAway = true;
  }

  const kernel = (await must("uname -r")).trim();
  return { kernel, run, must, put, reboot, stop };
}
