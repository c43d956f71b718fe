/**
 * The guest's image: one of Debian's cloud kernels and a root disk, made from packages by mmdebstrap without touching
 * this machine's own packages. Built once per set of inputs, into a cache.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  accessSync,
  chmodSync,
  constants,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, delimiter, join, resolve } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * What the guest can be. `debian-12` has kernel 6.1, the series of Amazon Linux 2023; `debian-13` the newest kernel
 * that Debian offers for a stable release, and the newer tools: formats and counters differ between the two.
 */
export const systems = {
  "debian-12": { suite: "bookworm", alsoFrom: [], kernel: "linux-image-cloud-amd64" },
  "debian-13": {
    suite: "trixie",
    alsoFrom: ["trixie-backports"],
    kernel: "linux-image-cloud-amd64/trixie-backports",
  },
} as const;
export type System = keyof typeof systems;

const packages = [
  // A machine that can be a NAT instance.
  ...["conntrack", "iptables", "nftables", "iproute2", "ethtool", "kmod", "procps"],
  ...["systemd", "bsdutils", "util-linux", "mount", "coreutils", "findutils", "sed", "grep", "diffutils"],
  // How it is reached: what the SSM agent is on a real one.
  "qemu-guest-agent",
  // The shells and awks that the host scripts promise to run under.
  ...["dash", "bash", "busybox-static", "mawk", "gawk", "python3-minimal"],
  // What a probe captures packets with.
  "tcpdump",
  "iputils-ping",
];
const rootDiskSize = "1G";

const prepareRootfs = resolve(import.meta.dirname, "prepare-rootfs.sh");
const guestFiles = resolve(import.meta.dirname, "guest-files");

/** Commands the lab runs on this machine and the Debian package that has each. */
const tools: Record<string, string> = {
  "qemu-system-x86_64": "qemu-system-x86",
  mmdebstrap: "mmdebstrap",
  cpio: "cpio",
  mke2fs: "e2fsprogs",
  setpriv: "util-linux",
  tar: "tar",
};

/** Where administrators' tools are even when a user's PATH lacks them (mke2fs is in /usr/sbin). */
export const toolPath = [process.env.PATH ?? "", "/usr/sbin", "/sbin"].join(delimiter);

/** Debian packages that must be installed before the lab can run here; empty when it can. */
export function missingTools(): string[] {
  const missing = Object.entries(tools)
    .filter(([tool]) => !onPath(tool))
    .map(([, debianPackage]) => debianPackage);
  return [...new Set(missing)];
}

/**
 * Why the lab cannot run here, and the way out; undefined when it can.
 * For the drill and the tests to say when they do without it.
 */
export function whyNoLab(): string | undefined {
  if (process.platform !== "linux" || process.arch !== "x64") {
    return `the QEMU lab needs Linux on x86-64, this is ${process.platform} on ${process.arch}`;
  }
  const missing = missingTools();
  if (missing.length === 0) return undefined;
  return `the QEMU lab needs ${missing.join(", ")}; install with: apt-get install -y --no-install-recommends ${missing.join(" ")}`;
}

function onPath(tool: string): boolean {
  return toolPath.split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, tool), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export type Image = {
  kernel: string;
  /** ext4, never written: each guest works on a copy. */
  rootDisk: string;
  /** The unfinished initial RAM disk; `initialRamDisk` adds the lab's files. */
  ramDiskFiles: string;
};

/**
 * The image for the inputs as they are now, built first if it is not in the cache (10-20 s and a download).
 * @param report told once, before a build begins.
 * @throws Error with the failing program's last lines when the image cannot be built.
 */
export async function guestImage(
  report: (line: string) => void = () => {},
  system: System = "debian-12",
): Promise<Image> {
  const reason = whyNoLab();
  if (reason !== undefined) throw new Error(reason);

  const cache = join(process.env.NAT_MEDIC_CACHE ?? resolve(import.meta.dirname, "../../.cache"), "lab");
  const directory = join(cache, hashOfInputs(system));
  if (!existsSync(directory)) {
    report(`building the QEMU guest's image, once (10-20 s): ${system}`);
    mkdirSync(cache, { recursive: true });
    removeAbandonedBuilds(cache);
    const unfinished = mkdtempSync(join(cache, "building-"));
    try {
      await build(unfinished, system);
      publish(unfinished, directory);
    } finally {
      rmSync(unfinished, { recursive: true, force: true });
    }
  }
  return {
    kernel: join(directory, "vmlinuz"),
    rootDisk: join(directory, "root.ext4"),
    ramDiskFiles: join(directory, "ramdisk"),
  };
}

function hashOfInputs(system: System): string {
  const hash = createHash("sha256");
  hash
    .update(system)
    .update(readFileSync(import.meta.filename))
    .update(readFileSync(prepareRootfs));
  return hash.digest("hex").slice(0, 16);
}

/** What builds that were killed left behind; one under way is never that old. */
function removeAbandonedBuilds(cache: string): void {
  const anHourAgo = Date.now() - 3_600_000;
  for (const directory of globSync(join(cache, "building-*"))) {
    if (statSync(directory).mtimeMs < anHourAgo) rmSync(directory, { recursive: true, force: true });
  }
}

/** Makes the finished image visible at once; when another process was faster, its image is as good. */
function publish(unfinished: string, directory: string): void {
  try {
    renameSync(unfinished, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
  }
}

async function build(directory: string, system: System): Promise<void> {
  const { suite, alsoFrom, kernel: kernelPackage } = systems[system];
  const archive = join(directory, "root.tar");
  const root = join(directory, "root");
  await tool("mmdebstrap", [
    "--quiet",
    "--variant=extract",
    "--format=tar",
    `--include=${[kernelPackage, ...packages].join(",")}`,
    `--extract-hook=${prepareRootfs}`,
    suite,
    archive,
    ...aptSources(suite, alsoFrom, directory),
  ]);
  mkdirSync(root);
  await tool("tar", ["-xf", archive, "-C", root, "--exclude=./dev/*"]);
  rmSync(archive);

  // Newer packages put it beside its modules.
  const [kernel] = globSync(join(root, "{boot/vmlinuz-*,lib/modules/*/vmlinuz}"));
  if (kernel === undefined) throw new Error("the package linux-image-cloud-amd64 brought no kernel");
  cpSync(kernel, join(directory, "vmlinuz"));
  rmSync(join(root, "boot"), { recursive: true });

  const ramDisk = join(directory, "ramdisk");
  mkdirSync(join(ramDisk, "bin"), { recursive: true });
  cpSync(join(root, "bin/busybox"), join(ramDisk, "bin/busybox"));
  mkdirSync(join(ramDisk, "modules"));
  const drivers = "lib/modules/*/kernel/drivers/{virtio/virtio*,block/virtio_blk}.ko{,.xz}";
  for (const module of globSync(join(root, drivers))) {
    const copy = join(ramDisk, "modules", basename(module));
    cpSync(module, copy);
    // The RAM disk's insmod takes them plain only.
    if (copy.endsWith(".xz")) await tool("xz", ["-d", copy]);
  }

  const disk = join(directory, "root.ext4");
  await tool("mke2fs", ["-q", "-t", "ext4", "-E", "root_owner=0:0", "-d", root, disk, rootDiskSize]);
  rmSync(root, { recursive: true });
  chmodSync(directory, 0o755);
}

/**
 * This machine's own apt sources where they are of the guest's release, and its mirror with the other release's name
 * where they are not: they work here. Where this machine is no Debian, mmdebstrap's own default.
 */
function aptSources(suite: string, alsoFrom: readonly string[], directory: string): string[] {
  const own = ["/etc/apt/sources.list", "/etc/apt/sources.list.d/debian.sources"].filter(
    (file) => existsSync(file) && /^\s*(deb|URIs:)\s/m.test(readFileSync(file, "utf8")),
  );
  const release = existsSync("/etc/os-release") ? readFileSync("/etc/os-release", "utf8") : "";
  if (alsoFrom.length === 0 && release.includes(`VERSION_CODENAME=${suite}`)) return own;
  const mirror = own
    .flatMap((file) => readFileSync(file, "utf8").split("\n"))
    .flatMap((line) => /^(?:deb|URIs:)\s.*?(https?:\/\/\S+\/debian)\/?(?:\s|$)/.exec(line)?.[1] ?? [])[0];
  if (mirror === undefined) {
    if (alsoFrom.length === 0) return [];
    throw new Error(`${alsoFrom.join(", ")} needs this machine to have Debian's own package sources`);
  }
  const file = join(directory, "guest.sources");
  const suites = [suite, ...alsoFrom].join(" ");
  writeFileSync(
    file,
    `Types: deb\nURIs: ${mirror}\nSuites: ${suites}\nComponents: main\nSigned-By: /usr/share/keyrings/debian-archive-keyring.gpg\n`,
  );
  return [file];
}

/**
 * Writes the initial RAM disk that brings the lab's files as they are now into the guest, so that changing one
 * needs no new image. Takes some milliseconds.
 */
export async function initialRamDisk(image: Image, directory: string): Promise<string> {
  const content = join(directory, "ramdisk");
  const file = join(directory, "initrd");
  cpSync(image.ramDiskFiles, content, { recursive: true });
  cpSync(guestFiles, join(content, "lab"), { recursive: true });
  cpSync(join(guestFiles, "init"), join(content, "init"));
  await tool("sh", [
    "-c",
    'cd "$1" && find . | cpio --quiet --create --format=newc --owner=0:0 --file="$2"',
    "sh",
    content,
    file,
  ]);
  rmSync(content, { recursive: true });
  return file;
}

async function tool(command: string, options: string[]): Promise<void> {
  try {
    await run(command, options, { env: { ...process.env, PATH: toolPath }, maxBuffer: 64 << 20 });
  } catch (error) {
    const stderr = error instanceof Error && "stderr" in error ? String(error.stderr) : "";
    const lastLines = stderr.trim().split("\n").slice(-15).join("\n");
    throw new Error(`${command} failed while preparing the QEMU guest:\n${lastLines}`, { cause: error });
  }
}
