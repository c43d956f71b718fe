/** A host in a folder: its /proc, /sys and /etc are plain files, and its PATH holds only what a test puts there. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { spliceScript } from "../../host/documents.ts";

export const hostFolder = join(import.meta.dirname, "../../host");

export function captured(name: string): string {
  return readFileSync(join(import.meta.dirname, "captured", name), "utf8");
}

/** Looked up once: a host needs two dozen of them, and a test many hosts. */
const places = new Map<string, string | undefined>();

export function installed(tool: string): string | undefined {
  if (!places.has(tool)) {
    const found = spawnSync("/bin/sh", ["-c", `PATH=$PATH:/usr/sbin:/sbin; command -v ${tool}`], {
      encoding: "utf8",
    });
    places.set(tool, found.status === 0 ? found.stdout.trim() : undefined);
  }
  return places.get(tool);
}

const isInstalled = (tool: string) => installed(tool) !== undefined;
/** What `sh` can be on a NAT instance, of what is installed here. */
export const shells = ["dash", "bash", "busybox"].filter(isInstalled);
export const awks = ["mawk", "gawk", "busybox"].filter(isInstalled);
export const isRoot = process.getuid?.() === 0;

/** Everything a script may call, but for awk and what reads the kernel. */
const basics =
  "cat chmod cmp cp cut date dirname env flock grep id ls mkdir mv nice rm sed sh sleep sort sync timeout tr uname";

export type FolderHost = ReturnType<typeof folderHost>;

/** Made anew for each test, and removed by `remove`. */
export function folderHost({ awk = awks[0] ?? "awk" } = {}) {
  const base = mkdtempSync(join(tmpdir(), "nat-medic-host-"));
  const root = join(base, "root");
  const tools = join(base, "tools");
  mkdirSync(tools, { recursive: true });
  const link = (tool: string, from = installed(tool)) => {
    if (from !== undefined) symlinkSync(from, join(tools, tool));
  };
  for (const tool of basics.split(" ")) link(tool);
  if (awk !== "none") link(awk);

  const at = (path: string) => join(root, path);
  /** The script as it arrives on a host. */
  const inOnePiece = (script: string) => {
    const file = join(base, script);
    writeFileSync(file, spliceScript(join(hostFolder, script)));
    return file;
  };
  const host = {
    root,
    base,
    link,
    at,
    write(path: string, text: string | number) {
      mkdirSync(dirname(at(path)), { recursive: true });
      writeFileSync(at(path), typeof text === "number" ? `${text}\n` : text);
    },
    read: (path: string) => readFileSync(at(path), "utf8"),
    exists: (path: string) => existsSync(at(path)),
    /** A tool of the host: POSIX shell text. */
    tool(name: string, script: string) {
      const path = join(tools, name);
      rmSync(path, { force: true });
      writeFileSync(path, `#!/bin/sh\n${script}\n`);
      chmodSync(path, 0o755);
    },
    /** `conntrack -L` that prints this. */
    conntrackPrints(text: string, exitCode = 0) {
      writeFileSync(join(base, "dump"), text);
      host.tool("conntrack", `/bin/cat ${join(base, "dump")}\nexit ${exitCode}`);
    },
    setting(name: string, value: number) {
      host.write(`proc/sys/net/netfilter/${name}`, value);
    },
    settingNow: (name: string) => Number(host.read(`proc/sys/net/netfilter/${name}`)),
    run(script: string, environment: Record<string, string> = {}, shell = shells[0] ?? "sh") {
      const path = installed(shell) ?? "/bin/sh";
      const ran = spawnSync(path, [...(shell === "busybox" ? ["sh"] : []), inOnePiece(script)], {
        encoding: "utf8",
        env: { PATH: tools, NAT_MEDIC_ROOT: root, ...environment },
        maxBuffer: 1 << 24,
      });
      return { exitCode: ran.status, stdout: ran.stdout, stderr: ran.stderr };
    },
    /** As a process group of its own, like the agent. */
    start(script: string, environment: Record<string, string>, shell = [installed("sh") ?? "sh"]) {
      return spawnSync(installed("setsid") ?? "setsid", [...shell, inOnePiece(script)], {
        encoding: "utf8",
        env: { PATH: tools, NAT_MEDIC_ROOT: root, ...environment },
      });
    },
    remove: () => rmSync(base, { recursive: true, force: true }),
  };

  host.write("proc/uptime", "1234.56 2000.00\n");
  host.write(
    "proc/stat",
    "cpu  100 0 50 900 5 0 7 3 0 0\ncpu0 50 0 25 450 2 0 3 1 0 0\ncpu1 50 0 25 450 3 0 4 2 0 0\n",
  );
  host.write("proc/meminfo", "MemTotal:         1000000 kB\nMemAvailable:     800000 kB\n");
  host.write("proc/cmdline", "console=ttyS0\n");
  host.write("proc/net/stat/nf_conntrack", captured("stat.txt"));
  host.write("proc/net/softnet_stat", "0000000a 00000000 00000001 00000000\n");
  host.write("sys/module/nf_conntrack/initstate", "live\n");
  host.write("sys/module/nf_conntrack/parameters/hashsize", 8192);
  host.setting("nf_conntrack_count", 12);
  host.setting("nf_conntrack_max", 8192);
  host.setting("nf_conntrack_buckets", 8192);
  host.setting("nf_conntrack_tcp_timeout_established", 432000);
  host.setting("nf_conntrack_tcp_timeout_time_wait", 120);
  host.tool("dmesg", "exit 0");
  return host;
}

/** A network namespace of this machine, for what only a kernel can show. `undefined` where that is not possible. */
export function networkNamespace(name: string) {
  if (!isRoot || !isInstalled("ip") || !isInstalled("conntrack")) return undefined;
  spawnSync("ip", ["netns", "del", name]);
  if (spawnSync("ip", ["netns", "add", name]).status !== 0) return undefined;
  const inside = (...command: string[]) =>
    execFileSync("ip", ["netns", "exec", name, ...command], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  return { inside, remove: () => spawnSync("ip", ["netns", "del", name]) };
}
