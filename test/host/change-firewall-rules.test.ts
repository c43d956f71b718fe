/**
 * Rules changed by the real iptables (both kinds) and nft, in a network namespace of this machine; the rest of the host
 * is a folder.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, installed, isRoot, shells } from "./folder-host.ts";

const incident = "inc-20261121-a1b2c3d4";
const namespace = `nm-rules-${process.pid}`;
const tools = ["iptables-nft", "iptables-nft-restore", "iptables-legacy", "iptables-legacy-restore", "nft"];

function hasNamespaces(): boolean {
  if (!isRoot || !["ip", ...tools].every((tool) => installed(tool) !== undefined)) return false;
  const works = spawnSync("ip", ["netns", "add", namespace]).status === 0;
  spawnSync("ip", ["netns", "del", namespace]);
  return works;
}
const possible = hasNamespaces();
if (!possible) {
  if (process.env.NAT_MEDIC_LAB === "required")
    throw new Error("no network namespaces, iptables or nft here");
  console.warn("SKIPPED, rules in a network namespace: needs root, ip, iptables (both kinds) and nft");
}

let host: FolderHost;
function inside(command: string, input = ""): string {
  const ran = spawnSync("ip", ["netns", "exec", namespace, "sh", "-euc", command], {
    encoding: "utf8",
    input,
  });
  if (ran.status !== 0) throw new Error(`${command}: ${ran.stderr}`);
  return ran.stdout;
}
/** Without counters, which start anew with a rule, and without the tables that a kernel module brings. */
const rules = () =>
  inside("nft -s list ruleset 2>/dev/null") +
  inside("for t in $(cat /proc/net/ip_tables_names); do iptables-legacy -t $t -S; done")
    .split("\n")
    .filter((line) => line.startsWith("-A"))
    .join("\n");

const routes = (name: string) =>
  `Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n${name}\t00000000\t0100A8C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n`;

beforeEach(() => {
  host = folderHost();
  host.write("proc/net/route", routes("ens5"));
  host.write("proc/net/ip_tables_names", "");
  host.write("sys/class/net/ens5/mtu", 9001);
  host.write("proc/sys/kernel/random/boot_id", "11111111-1111-4111-8111-111111111111\n");
  if (!possible) return;
  spawnSync("ip", ["netns", "add", namespace]);
  for (const tool of tools) {
    host.tool(tool, `exec ${installed("ip")} netns exec ${namespace} ${installed(tool)} "$@"`);
  }
});
afterEach(() => {
  spawnSync("ip", ["netns", "del", namespace]);
  host.remove();
});

type Request = Record<string, string>;
function change(fix: string, action: string, more: Request = {}, shell?: string) {
  const request = { SSM_IncidentId: incident, SSM_Fix: fix, SSM_Interface: "ens5", SSM_Action: action };
  const ran = host.run("change-firewall-rules.sh", { ...request, ...more }, shell);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return HostChange.parse(JSON.parse(ran.stdout));
}

type Backend = "iptables-nft" | "iptables-legacy" | "nft";
/** A NAT of each kind: a plain rule, one with a comment that no shell may read, one with a range, one of Docker's. */
function setUp(backend: Backend): void {
  if (backend === "nft") {
    for (const tool of tools.filter((tool) => tool !== "nft")) rmSync(join(host.base, "tools", tool));
    inside(
      "nft -f -",
      `table ip nat {
 chain postrouting {
  type nat hook postrouting priority srcnat
  oifname "docker0" masquerade
  oifname "ens5" counter masquerade comment "it's $(reboot); snat"
  oifname { "ens5", "ens6" } meta l4proto tcp masquerade to :40000-40099
  oifname "ens5" masquerade
 }
}
`,
    );
    return;
  }
  inside(`for rule in '-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE' '-o ens5 -p tcp -j MASQUERADE --to-ports 40000-40099' \\
      '-o ens5 -j MASQUERADE' '-o ens5 -j MASQUERADE'; do ${backend} -t nat -A POSTROUTING $rule; done
    ${backend} -t nat -I POSTROUTING 2 -o ens5 -m comment --comment 'it is $(reboot) -j SNAT "x"' -j MASQUERADE`);
  if (backend === "iptables-legacy") host.write("proc/net/ip_tables_names", "nat\n");
}

const requests: Record<string, Request> = {
  "randomize-source-ports": {},
  "widen-snat-range": {},
  "add-masquerade-rule": { SSM_Source: "10.0.0.0/16" },
  "clamp-mss": { SSM_Interface: "none" },
  "strip-timestamps": { SSM_Interface: "none", SSM_Destination: "203.0.113.7", SSM_Port: "443" },
};
/** What is there after apply and was not before. */
const marks: Record<string, RegExp> = {
  "randomize-source-ports": /fully/,
  "widen-snat-range": /MASQUERADE|masquerade/,
  "add-masquerade-rule": /10\.0\.0\.0\/16/,
  "clamp-mss": /maxseg|TCPMSS/,
  "strip-timestamps": /TCPOPTSTRIP|reset tcp option timestamp/,
};

describe.skipIf(!possible).each(["iptables-nft", "iptables-legacy", "nft"] as const)("with %s", (backend) => {
  it.each(Object.keys(requests))("%s is applied once and undone to the letter", (fix) => {
    setUp(backend);
    const before = rules();
    const first = change(fix, "apply", requests[fix]);
    expect(first).toMatchObject({ fix, status: "changed", onRecord: "applied" });
    const applied = rules();
    expect(applied).not.toBe(before);
    expect(applied).toMatch(marks[fix] ?? /never/);
    expect(change(fix, "apply", requests[fix])).toEqual({ ...first, status: "unchanged" });
    expect(rules()).toBe(applied);
    expect(change(fix, "undo", requests[fix])).toMatchObject({ status: "changed", onRecord: "undone" });
    expect(rules()).toBe(before);
    expect(change(fix, "undo", requests[fix])).toMatchObject({ status: "unchanged" });
  });

  it("changes the rules of the interface only, each in its place", () => {
    setUp(backend);
    expect(change("widen-snat-range", "apply").values).toEqual([
      { setting: "rule.to-ports", before: "40000-40099", after: "1024-65535" },
    ]);
    change("randomize-source-ports", "apply", { SSM_IncidentId: "inc-20261121-e5f6a7b8" });
    const lines = rules().split("\n");
    const nat = lines.filter((line) => /masquerade/i.test(line));
    const docker = nat.filter((line) => line.includes("docker0"));
    expect(docker.join()).not.toContain("fully");
    expect(nat.filter((line) => line.includes("fully"))).toHaveLength(nat.length - docker.length);
    expect(nat[0]).toContain("docker0");
    expect(rules()).not.toContain("40000");
  });
});

const on = (backend: Backend) => setUp(backend);

describe.skipIf(!possible).each(shells)("under %s", (shell) => {
  it("rewrites and puts back", () => {
    on("iptables-nft");
    const before = rules();
    expect(change("randomize-source-ports", "apply", {}, shell).values).toHaveLength(4);
    expect(change("randomize-source-ports", "undo", {}, shell).values).toHaveLength(4);
    expect(rules()).toBe(before);
  });
});

describe.skipIf(!possible)("on a host with rules", () => {
  it("adds no rule that is there already, whatever its comment", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -m comment --comment 'the NAT' -j MASQUERADE");
    expect(change("add-masquerade-rule", "apply")).toMatchObject({ status: "unchanged", values: [] });
  });

  it("refuses to add a rule without an interface, or for one that leads nowhere", () => {
    host.write("sys/class/net/ens6/mtu", 9001);
    const reasons = ["none", "ens6", "ens9"].map((name) => {
      const { status, reason } = change("add-masquerade-rule", "apply", { SSM_Interface: name });
      return `${status}: ${reason}`;
    });
    expect(reasons).toEqual([
      "refused: the interface of the rule is not known",
      "refused: the default route does not leave by ens6",
      "refused: this host has no interface ens9",
    ]);
    expect(rules()).toBe("");
  });

  it("refuses to change rules where there is none for the interface", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o eth0 -j MASQUERADE");
    expect(change("randomize-source-ports", "apply")).toMatchObject({
      status: "refused",
      reason: "no rule translates what leaves by ens5",
      onRecord: "none",
    });
  });

  it("refuses rules of iptables when its command is missing", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j SNAT --to-source 192.0.2.1 --persistent");
    for (const tool of tools.filter((tool) => tool !== "nft")) rmSync(join(host.base, "tools", tool));
    const { status, reason } = change("randomize-source-ports", "apply");
    // Where nft can read the rule, it can write it as well.
    expect(status === "changed" || reason.includes("its command is missing")).toBe(true);
  });

  it("keeps a rule that has the wanted text already apart from the one that it changes", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE --random-fully");
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE");
    const before = rules();
    expect(change("randomize-source-ports", "apply").values).toHaveLength(1);
    change("randomize-source-ports", "undo");
    expect(rules()).toBe(before);
  });

  it("undoes in the right place when rules were added before its own", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE");
    change("randomize-source-ports", "apply");
    inside("iptables-nft -t nat -I POSTROUTING -o ens5 -d 10.0.0.0/8 -j ACCEPT");
    expect(change("randomize-source-ports", "undo").status).toBe("changed");
    expect(inside("iptables-nft -t nat -S POSTROUTING")).toBe(
      "-P POSTROUTING ACCEPT\n-A POSTROUTING -d 10.0.0.0/8 -o ens5 -j ACCEPT\n-A POSTROUTING -o ens5 -j MASQUERADE\n",
    );
  });

  it("refuses to undo what somebody has changed since, unless forced", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE");
    change("randomize-source-ports", "apply");
    inside("iptables-nft -t nat -R POSTROUTING 1 -o ens5 -j SNAT --to-source 192.0.2.1");
    expect(change("randomize-source-ports", "undo")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("neither as it was before nor as it was set here"),
    });
    expect(change("randomize-source-ports", "undo", { SSM_Force: "yes" }).status).toBe("changed");
    expect(inside("iptables-nft -t nat -S POSTROUTING")).toContain("-A POSTROUTING -o ens5 -j MASQUERADE\n");
  });

  it("has nothing left to undo where its rule was flushed and the old one came back", () => {
    inside("iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE");
    change("randomize-source-ports", "apply");
    inside("iptables-nft -t nat -F; iptables-nft -t nat -A POSTROUTING -o ens5 -j MASQUERADE");
    expect(change("randomize-source-ports", "undo")).toMatchObject({
      status: "unchanged",
      onRecord: "undone",
    });
  });

  it.each(["apply", "undo"])("%s goes on from where an apply was killed half way", (action) => {
    on("iptables-nft");
    const before = rules();
    change("randomize-source-ports", "apply");
    const applied = rules();
    // As a run leaves it that was killed after two of its four rules.
    const state = `var/lib/nat-medic/${incident}/randomize-source-ports`;
    const kept = host.read(state).split("\n");
    const begun = kept.filter((line) => /^(before|wanted|boot|restore_at)/.test(line));
    host.write(state, `status applying\n${begun.join("\n")}\n`);
    for (const place of [4, 5]) inside(`iptables-nft -t nat -R POSTROUTING ${place} -o ens5 -j MASQUERADE`);
    expect(rules()).not.toBe(applied);
    expect(change("randomize-source-ports", "persist")).toMatchObject({ status: "refused" });
    expect(change("randomize-source-ports", action)).toMatchObject({ status: "changed" });
    expect(rules()).toBe(action === "apply" ? applied : before);
  });

  it("puts the rules back by itself when nobody keeps them", () => {
    on("iptables-nft");
    const before = rules();
    host.tool("setsid", "exit 0");
    host.tool("logger", "exit 0");
    const { restoresAt } = change("add-masquerade-rule", "apply", {
      SSM_Source: "10.0.0.0/16",
      SSM_RestoreAfterSeconds: "900",
    });
    const restore = host.at(`var/lib/nat-medic/${incident}/add-masquerade-rule.restore.sh`);
    const ran = spawnSync(installed("sh") ?? "sh", [restore, String(restoresAt)], {
      encoding: "utf8",
      env: { PATH: join(host.base, "tools") },
    });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(rules()).toBe(before);
  });
});

describe.skipIf(!possible)("persist", () => {
  beforeEach(() => {
    host.write("run/systemd/system/.keep", "");
    host.tool("systemctl", `echo "$*" >> ${join(host.base, "systemctl")}`);
    on("iptables-nft");
  });
  const rulesFile = `/etc/nat-medic/rules-randomize-source-ports-${incident}.sh`;
  const unit = "/etc/systemd/system/nat-medic-rules.service";
  const wish = "/etc/systemd/system/multi-user.target.d/nat-medic-rules.conf";

  it("writes what puts the rules in place again after a boot, and takes it back", () => {
    const before = rules();
    change("randomize-source-ports", "apply");
    const applied = rules();
    expect(change("randomize-source-ports", "persist")).toMatchObject({
      status: "changed",
      onRecord: "persisted",
      files: [rulesFile, unit, wish].map((path) => ({ path, action: "written" })),
    });
    expect(host.read(unit)).toContain("After=network-online.target fck-nat.service iptables.service");
    // Another boot, and the service that owns the rules has made them.
    host.write("proc/sys/kernel/random/boot_id", "22222222-2222-4222-8222-222222222222\n");
    inside("nft flush ruleset");
    on("iptables-nft");
    expect(rules()).toBe(before);
    host.tool("sleep", "kill -KILL $PPID");
    spawnSync(installed("sh") ?? "sh", [host.at(rulesFile)], {
      env: { PATH: join(host.base, "tools"), NAT_MEDIC_ROOT: host.root },
    });
    expect(rules()).toBe(applied);
    expect(change("randomize-source-ports", "show")).toMatchObject({ onRecord: "persisted" });
    expect(change("randomize-source-ports", "undo")).toMatchObject({
      status: "changed",
      files: [wish, unit, rulesFile].map((path) => ({ path, action: "removed" })),
    });
    expect(rules()).toBe(before);
  });

  it("does nothing at boot once the change has been undone", () => {
    change("randomize-source-ports", "apply");
    change("randomize-source-ports", "persist");
    const script = host.read(rulesFile);
    change("randomize-source-ports", "undo");
    const before = rules();
    host.write("rules.sh", script);
    spawnSync(installed("sh") ?? "sh", [host.at("rules.sh")], {
      env: { PATH: join(host.base, "tools"), NAT_MEDIC_ROOT: host.root },
    });
    expect(rules()).toBe(before);
  });

  it("comes again after fck-nat's service, which flushes the table", () => {
    host.write("etc/fck-nat.conf", "eni_id=eni-0123\n");
    change("randomize-source-ports", "apply");
    const { files, notes } = change("randomize-source-ports", "persist");
    expect(files.at(-1)?.path).toBe("/etc/systemd/system/fck-nat.service.d/nat-medic-rules.conf");
    expect(notes[0]).toContain("a restart of fck-nat.service flushes the NAT table");
  });

  it("is refused without systemd, and where alternat replaces the host", () => {
    change("randomize-source-ports", "apply");
    host.write("etc/alternat.conf", "enable_ssm=true\n");
    expect(change("randomize-source-ports", "persist")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("alternat"),
    });
    rmSync(host.at("etc/alternat.conf"));
    rmSync(host.at("run/systemd"), { recursive: true });
    expect(change("randomize-source-ports", "persist")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("systemd is not process 1"),
    });
  });
});

describe("a request that is none", () => {
  it.each([
    { SSM_Fix: "" },
    { SSM_Fix: "reboot" },
    { SSM_Fix: "enable-ip-forward" },
    { SSM_Interface: "ens5; reboot" },
    { SSM_Interface: "-j" },
    { SSM_Interface: "../../etc" },
    { SSM_Interface: "aninterfacetoolong" },
    { SSM_Source: "10.0.0.0" },
    { SSM_Source: "10.0.0.0/33" },
    { SSM_Source: "10.0.0.256/16" },
    { SSM_Source: "10.0.0.0/16 -j ACCEPT" },
    { SSM_Destination: "example.com" },
    { SSM_Destination: "203.0.113.7/32" },
    { SSM_Destination: "$(reboot)" },
    { SSM_Port: "65536" },
    { SSM_Port: "http" },
    { SSM_Port: "-1" },
    { SSM_IncidentId: "inc-short" },
  ])("fails without touching anything: %j", (request) => {
    expect(change("clamp-mss", "apply", request as Request).status).toBe("failed");
    expect(host.exists("var/lib/nat-medic")).toBe(false);
  });

  it("strips timestamps for one address and port only", () => {
    for (const request of [{}, { SSM_Destination: "203.0.113.7" }, { SSM_Port: "443" }] as Request[]) {
      expect(change("strip-timestamps", "apply", request).status).toBe("refused");
    }
  });
});
