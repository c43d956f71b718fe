/**
 * A NAT instance with a real kernel in QEMU, and how to run things on it.
 * Emulated (TCG): it needs no KVM and boots in about seven seconds.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as z from "zod/mini";
import { type Console, consoleIn } from "./console.ts";
import { type GuestAgent, GuestUnreachable, guestAgent, pollingPauses } from "./guest-agent.ts";
import { guestImage, initialRamDisk, toolPath } from "./image.ts";

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
  /** Restarts the machine in an orderly way; its disk survives, everything else does not. */
  reboot(): Promise<void>;
  stop(): Promise<void>;
};

/** Seven seconds alone; a machine with two busy cores needs several times that. */
const bootMilliseconds = 120_000;

/**
 * Boots a guest. It ends with `stop()`, and with this process however that ends.
 * @param memoryMiB sets the kernel's own default of nf_conntrack_max: 8192 at 1024 MiB, 4096 at 512 MiB.
 */
export async function bootGuest(
  options: { memoryMiB?: number; report?: (line: string) => void } = {},
): Promise<Guest> {
  const image = await guestImage(options.report);
  const directory = mkdtempSync(join(tmpdir(), "nat-medic-guest-"));
  let qemu: ChildProcess | undefined;
  const console = consoleIn(join(directory, "console"));
  try {
    const socketPath = join(directory, "agent");
    const initrd = await initialRamDisk(image, directory);
    qemu = startQemu({
      kernel: image.kernel,
      rootDisk: image.rootDisk,
      initrd,
      socketPath,
      memoryMiB: options.memoryMiB ?? 1024,
      console: console.descriptor,
    });
    const agent = guestAgent(await connectTo(socketPath, qemu));
    await console.booted(1, qemu, bootMilliseconds);
    await agent.synchronize(bootMilliseconds);
    return await guestOf(agent, qemu, console);
  } catch (error) {
    qemu?.kill("SIGKILL");
    const said = console.lastLines();
    console.close();
    throw new Error(`the QEMU guest did not boot; it said last:\n${said}`, { cause: error });
  } finally {
    // QEMU has read the files by now, and an open socket needs no name.
    rmSync(directory, { recursive: true, force: true });
  }
}

function startQemu(machine: {
  kernel: string;
  rootDisk: string;
  initrd: string;
  socketPath: string;
  memoryMiB: number;
  /** File descriptor for the serial console and QEMU's own words. */
  console: number;
}): ChildProcess {
  const qemu = [
    "qemu-system-x86_64",
    ...["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"],
    // KVM would be faster where it works and can hang where it is nested; TCG always works.
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", "2", "-m", `${machine.memoryMiB}`],
    ...["-kernel", machine.kernel, "-initrd", machine.initrd],
    ...["-append", "console=ttyS0 quiet mitigations=off random.trust_cpu=on"],
    // snapshot=on: writes go to an unnamed file that lives as long as QEMU, so also over a reboot.
    ...["-drive", `file=${machine.rootDisk},format=raw,if=virtio,snapshot=on,cache=unsafe`],
    ...["-chardev", `socket,id=agent,path=${machine.socketPath},server=on,wait=off`],
    ...["-device", "virtio-serial-pci"],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
    ...["-device", "virtio-rng-pci"],
  ];
  // The kernel kills QEMU when this process dies, whatever it dies of.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...qemu], {
    stdio: ["ignore", machine.console, machine.console],
    env: { ...process.env, PATH: toolPath },
  });
  // A command that cannot even start is noticed by its socket that never appears.
  child.on("error", () => {});
  return child;
}

async function connectTo(socketPath: string, qemu: ChildProcess): Promise<Socket> {
  for (const deadline = Date.now() + 20_000; Date.now() < deadline && qemu.exitCode === null; ) {
    const socket = await new Promise<Socket | undefined>((resolve) => {
      const attempt = createConnection(socketPath);
      attempt.once("connect", () => resolve(attempt));
      attempt.once("error", () => resolve(undefined));
    });
    if (socket !== undefined) return socket;
    await delay(50);
  }
  throw new GuestUnreachable("QEMU did not start");
}

const started = z.object({ pid: z.number() });
const status = z.object({
  exited: z.boolean(),
  exitcode: z.optional(z.number()),
  signal: z.optional(z.number()),
  "out-data": z.optional(z.string()),
  "err-data": z.optional(z.string()),
});

async function guestOf(agent: GuestAgent, qemu: ChildProcess, console: Console): Promise<Guest> {
  let scripts = 0;

  async function put(path: string, text: string): Promise<void> {
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
    const file = `/run/lab/script-${scripts++}`;
    await put(file, script);
    const boot = console.boots();
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
      if (console.boots() !== boot) throw new GuestUnreachable("the guest restarted meanwhile");
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
    const boots = console.boots();
    // Detached and a moment later, so that this command's own answer still gets out.
    await must("sync; setsid sh -c 'sleep 0.2; busybox reboot -f' </dev/null >/dev/null 2>&1 &");
    await console.booted(boots + 1, qemu, bootMilliseconds);
    agent.forget();
    await agent.synchronize(bootMilliseconds);
  }

  async function stop(): Promise<void> {
    agent.close();
    if (qemu.exitCode !== null || qemu.signalCode !== null) return;
    const gone = new Promise((resolve) => qemu.once("exit", resolve));
    qemu.kill("SIGKILL");
    await gone;
    console.close();
  }

  const kernel = (await must("uname -r")).trim();
  return { kernel, run, must, put, reboot, stop };
}
