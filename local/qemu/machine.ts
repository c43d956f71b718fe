/** The emulated machine: QEMU on a disk of its own, from power-on to power-off. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, openSync, rmSync } from "node:fs";
import { createConnection, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { consoleIn } from "./console.ts";
import { type GuestAgent, GuestUnreachable, guestAgent } from "./guest-agent.ts";
import { type Image, initialRamDisk, toolPath } from "./image.ts";

/** Seven seconds alone; a machine with two busy cores needs several times that. */
const bootMilliseconds = 120_000;

/** A file descriptor of a copy of the image's root disk. It has no name: it is gone when the last one has closed it. */
export function ownDisk(image: Image): number {
  const directory = mkdtempSync(join(tmpdir(), "nat-medic-disk-"));
  try {
    const copy = join(directory, "root.img");
    execFileSync("cp", ["--sparse=always", "--reflink=auto", image.rootDisk, copy]);
    return openSync(copy, "r+");
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export type Machine = { memoryMiB: number; processors: number; init: "lab" | "systemd" };

export type Running = {
  agent: GuestAgent;
  /** At once, as by pulling the plug: sync first what must survive. */
  powerOff(): Promise<void>;
};

/**
 * Starts the machine and waits until the NAT instance in it is ready.
 * @param disk of `ownDisk`; what was written to it in an earlier run is there
 * @throws Error with the console's last lines when it does not come up
 */
export async function powerOn(image: Image, disk: number, machine: Machine): Promise<Running> {
  const directory = mkdtempSync(join(tmpdir(), "nat-medic-guest-"));
  const console = consoleIn(join(directory, "console"));
  let qemu: ChildProcess | undefined;
  try {
    const socketPath = join(directory, "agent");
    const initrd = await initialRamDisk(image, directory);
    const process = startQemu({
      kernel: image.kernel,
      initrd,
      socketPath,
      ...machine,
      disk,
      console: console.descriptor,
    });
    qemu = process;
    const agent = guestAgent(await connectTo(socketPath, process));
    await console.ready(process, bootMilliseconds);
    await agent.synchronize(bootMilliseconds);
    return { agent, powerOff: () => powerOff(agent, process) };
  } catch (error) {
    qemu?.kill("SIGKILL");
    throw new Error(`the QEMU guest did not boot; it said last:\n${console.lastLines()}`, { cause: error });
  } finally {
    // QEMU has opened the files by now, and what is open needs no name.
    console.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** What systemd would start for hardware and users that the guest has not; udev alone takes seconds. */
const spared = [
  ...["systemd-udevd.service", "systemd-udev-trigger.service", "systemd-journal-flush.service"],
  ...["systemd-tmpfiles-setup.service", "systemd-tmpfiles-setup-dev.service", "systemd-tmpfiles-clean.timer"],
  ...["systemd-random-seed.service", "systemd-sysusers.service", "systemd-update-utmp.service"],
  ...["modprobe@dm_mod.service", "modprobe@fuse.service", "modprobe@loop.service", "modprobe@drm.service"],
  ...["modprobe@configfs.service", "dev-mqueue.mount", "dev-hugepages.mount", "systemd-binfmt.service"],
  ...["sys-kernel-debug.mount", "sys-kernel-tracing.mount", "proc-sys-fs-binfmt_misc.automount"],
  ...["sys-kernel-config.mount", "sys-fs-fuse-connections.mount", "kmod-static-nodes.service"],
];
/**
 * `init_on_alloc=0`: zeroing each page is dear where every instruction is emulated. `no_timer_check`: an emulator that has
 * to wait for its own processor fails a test which hardware passes, and the kernel panics; KVM's guests leave it out too.
 */
const alwaysOptions = [
  ...["console=ttyS0", "quiet", "mitigations=off", "random.trust_cpu=on"],
  ...["init_on_alloc=0", "no_timer_check"],
];
const kernelOptions = {
  lab: [],
  systemd: ["lab.init=systemd", "systemd.unit=lab.target", ...spared.map((unit) => `systemd.mask=${unit}`)],
};

type Start = Machine & { kernel: string; initrd: string; socketPath: string; disk: number; console: number };

function startQemu(machine: Start): ChildProcess {
  const options = [...alwaysOptions, ...kernelOptions[machine.init]];
  const qemu = [
    "qemu-system-x86_64",
    ...["-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio"],
    // KVM would be faster where it works and can hang where it is nested; TCG always works. The plainest processor: vector
    // instructions that are emulated one by one cost more than the loops that they stand for.
    ...["-accel", "tcg,thread=multi", "-cpu", "qemu64,+rdrand", "-smp", `${machine.processors}`],
    ...["-m", `${machine.memoryMiB}`],
    ...["-kernel", machine.kernel, "-initrd", machine.initrd],
    ...["-append", options.join(" ")],
    // The fourth of the descriptors below.
    ...["-drive", "file=/proc/self/fd/3,format=raw,if=virtio,cache=unsafe"],
    ...["-chardev", `socket,id=agent,path=${machine.socketPath},server=on,wait=off`],
    ...["-device", "virtio-serial-pci"],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
    ...["-device", "virtio-rng-pci"],
  ];
  // The kernel kills QEMU when this process dies, whatever it dies of.
  const child = spawn("setpriv", ["--pdeathsig", "KILL", "--", ...qemu], {
    stdio: ["ignore", machine.console, machine.console, machine.disk],
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

async function powerOff(agent: GuestAgent, qemu: ChildProcess): Promise<void> {
  agent.close();
  if (qemu.exitCode !== null || qemu.signalCode !== null) return;
  const gone = new Promise((resolve) => qemu.once("exit", resolve));
  qemu.kill("SIGKILL");
  await gone;
}
