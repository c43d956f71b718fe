import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { SourceEvidence } from "../../core/evidence/source.ts";
import { awks, captured, type FolderHost, folderHost, hostFolder, shells } from "./folder-host.ts";

let host: FolderHost;
beforeEach(() => {
  host = client();
});
afterEach(() => host.remove());

function client(awk?: string): FolderHost {
  const made = folderHost(awk === undefined ? {} : { awk });
  made.write("proc/sys/net/ipv4/ip_local_port_range", "32768\t60999\n");
  made.write("proc/sys/net/ipv4/ip_local_reserved_ports", "\n");
  made.write("proc/sys/net/ipv4/tcp_tw_reuse", 2);
  made.write("proc/sys/net/ipv4/tcp_timestamps", 1);
  // Captured in one moment from the same host: see captured/README.md.
  made.write("proc/net/tcp", captured("client-tcp.txt"));
  made.write("proc/net/tcp6", captured("client-tcp6.txt"));
  return made;
}

function collect(on: FolderHost, shell?: string): SourceEvidence {
  const ran = on.run("collect-source-evidence.sh", {}, shell);
  expect(ran.stderr).toBe("");
  return SourceEvidence.parse(JSON.parse(ran.stdout));
}

describe.each(shells)("under %s", (shell) => {
  it.each(awks)("counts the captured sockets by their remote ends with %s", (awk) => {
    host.remove();
    host = client(awk);
    expect(collect(host, shell)).toMatchObject({
      platform: "linux",
      portRange: [32_768, 60_999],
      reservedPorts: 0,
      reserved: "",
      timeWaitReuse: 2,
      timestamps: 1,
      listeners: [8080],
      established: 15,
      timeWait: 5,
      destinations: [
        { address: "10.61.0.10", port: 8080, established: 12, timeWait: 0 },
        { address: "10.61.0.9", port: 8190, established: 0, timeWait: 5 },
        { address: "10.61.0.8", port: 8082, established: 3, timeWait: 0 },
      ],
    });
  });
});

test("the kernel's files and ss tell the same", () => {
  const byFiles = collect(host);
  host.write("proc/net/tcp", "");
  host.write("proc/net/tcp6", "");
  host.tool("ss", `/bin/cat ${join(import.meta.dirname, "captured/client-ss.txt")}`);
  const ran = host.run("collect-source-evidence.sh");
  expect({ ...SourceEvidence.parse(JSON.parse(ran.stdout)), takenAt: 0 }).toEqual({ ...byFiles, takenAt: 0 });
});

test("reserved ports count as far as they are inside the range", () => {
  host.write("proc/sys/net/ipv4/ip_local_reserved_ports", "1,40000-40009,50000,60990-61010\n");
  expect(collect(host)).toMatchObject({ reserved: "1,40000-40009,50000,60990-61010", reservedPorts: 21 });
});

test("a host without the settings of a kernel is unreadable rather than fine", () => {
  host.write("proc/sys/net/ipv4/ip_local_port_range", "");
  const ran = host.run("collect-source-evidence.sh");
  expect(SourceEvidence.safeParse(JSON.parse(ran.stdout)).success).toBe(false);
});

test("the Windows counterpart prints the same fields, and takes the range from netsh in any language", () => {
  const script = readFileSync(join(hostFolder, "collect-windows-source-evidence.ps1"), "utf8");
  const printed = script.slice(script.indexOf("$evidence = [ordered]@{"));
  const fields = [...printed.matchAll(/^ {2}([a-zA-Z]+)\s+=/gm)].map(([, name]) => name);
  expect(fields.sort()).toEqual(Object.keys(SourceEvidence.shape).sort());
  const [, pattern = ""] = /-Pattern '([^']+)'/.exec(script) ?? [];
  // From Microsoft's page on port exhaustion, and the German system's words for it.
  for (const words of [
    "Start Port      : 49152\nNumber of Ports : 16384",
    "Startport         : 49152\nAnzahl von Ports  : 16384",
  ]) {
    const lines = `\nProtocol tcp Dynamic Port Range\n---------------------------------\n${words}\n`.split(
      "\n",
    );
    const numbers = lines.flatMap((line) => new RegExp(pattern).exec(line)?.[1] ?? []);
    expect(numbers).toEqual(["49152", "16384"]);
  }
});
