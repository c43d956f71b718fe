import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, installed, shells } from "./folder-host.ts";

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
  for (const [name, value] of Object.entries(present)) host.write(`proc/sys/net/ipv4/${name}`, value);
});
afterEach(() => host.remove());

const present = {
  ip_forward: 0,
  "conf/all/accept_redirects": 0,
  "conf/all/forwarding": 0,
  "conf/ens5/forwarding": 0,
  "conf/ens6/forwarding": 1,
  "conf/all/rp_filter": 0,
  "conf/ens5/rp_filter": 1,
  "conf/eth0.100/rp_filter": 1,
  "neigh/default/gc_thresh1": 128,
  "neigh/default/gc_thresh2": 512,
  "neigh/default/gc_thresh3": 1024,
  ipfrag_high_thresh: 4_194_304,
  tcp_tw_recycle: 1,
  tcp_tw_reuse: 2,
};
const now = (name: keyof typeof present) => Number(host.read(`proc/sys/net/ipv4/${name}`));
const all = () => Object.keys(present).map((name) => now(name as keyof typeof present));

const neighbours = "net.ipv4.neigh.default.gc_thresh";
const changesOf = {
  "enable-ip-forward": "net.ipv4.ip_forward=1",
  "raise-neighbour-limits": `${neighbours}3=16384,${neighbours}2=8192,${neighbours}1=4096`,
  "loosen-rp-filter": "net.ipv4.conf.ens5.rp_filter=2,net.ipv4.conf.eth0.100.rp_filter=2",
  "raise-fragment-memory": "net.ipv4.ipfrag_high_thresh=16777216",
  "prefer-time-wait-reuse": "net.ipv4.tcp_tw_recycle=0,net.ipv4.tcp_tw_reuse=1",
};
type FixName = keyof typeof changesOf;
const fixNames = Object.keys(changesOf) as FixName[];

function set(fix: FixName, action: string, more: Record<string, string> = {}, shell?: string) {
  const request = { SSM_IncidentId: "inc-20261121-a1b2c3d4", SSM_Fix: fix, SSM_Changes: changesOf[fix] };
  const ran = host.run("set-kernel-parameters.sh", { ...request, SSM_Action: action, ...more }, shell);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return HostChange.parse(JSON.parse(ran.stdout));
}

describe.each(shells)("under %s", (shell) => {
  it.each(fixNames)("%s is applied, made to last and undone to the letter", (fix) => {
    const applied = set(fix, "apply", {}, shell);
    expect(applied).toMatchObject({ fix, status: "changed", onRecord: "applied" });
    expect(applied.values.map(({ setting, after }) => `${setting}=${after}`).join(",")).toBe(changesOf[fix]);
    const file = `/etc/sysctl.d/99-zz-nat-medic-${fix}.conf`;
    // The files may be all that is asked for, without what was to be set.
    expect(set(fix, "persist", { SSM_Changes: "none" }, shell)).toMatchObject({
      status: "changed",
      onRecord: "persisted",
      files: [{ path: file, action: "written" }],
    });
    const lines = host.read(file).trim().split("\n");
    expect(lines).toHaveLength(1 + applied.values.length);
    expect(set(fix, "undo", { SSM_Changes: "none" }, shell)).toMatchObject({
      status: "changed",
      onRecord: "undone",
    });
    expect(all()).toEqual(Object.values(present));
    expect(host.exists(file)).toBe(false);
    expect(set(fix, "undo", {}, shell)).toMatchObject({ status: "unchanged", values: [], files: [] });
  });
});

describe("apply", () => {
  it("changes nothing the second time, and tells the first values again", () => {
    const first = set("raise-neighbour-limits", "apply");
    expect(set("raise-neighbour-limits", "apply")).toEqual({ ...first, status: "unchanged" });
  });

  it("has nothing to do where it is so already", () => {
    host.write("proc/sys/net/ipv4/ip_forward", 1);
    expect(set("enable-ip-forward", "apply")).toMatchObject({ status: "unchanged", onRecord: "none" });
  });

  it("writes the name of an interface with a dot as sysctl.d wants it", () => {
    set("loosen-rp-filter", "apply");
    set("loosen-rp-filter", "persist");
    expect(host.read("etc/sysctl.d/99-zz-nat-medic-loosen-rp-filter.conf")).toBe(
      "# Written by NAT Medic.\nnet.ipv4.conf.ens5.rp_filter = 2\nnet/ipv4/conf/eth0.100/rp_filter = 2\n",
    );
  });

  it("refuses where the host has no such parameter", () => {
    expect(set("loosen-rp-filter", "apply", { SSM_Changes: "net.ipv4.conf.ens9.rp_filter=2" })).toMatchObject(
      { status: "refused", reason: "this host has no net.ipv4.conf.ens9.rp_filter" },
    );
  });

  it("never lowers a limit", () => {
    expect(set("raise-neighbour-limits", "apply", { SSM_Changes: `${neighbours}3=1000` })).toMatchObject({
      status: "unchanged",
    });
    expect(now("neigh/default/gc_thresh3")).toBe(1024);
  });

  it("keeps the limits of neighbours in ascending order", () => {
    expect(set("raise-neighbour-limits", "apply", { SSM_Changes: `${neighbours}1=600` })).toMatchObject({
      status: "refused",
      reason: `${neighbours}2 would be 512, below the limit before it`,
    });
  });

  it.each([
    // 800,000 kB are free: a sixteenth is 51,200,000 bytes, 100,000 neighbours.
    ["raise-neighbour-limits", `${neighbours}3=100000`, "changed"],
    ["raise-neighbour-limits", `${neighbours}3=100001`, "refused"],
    ["raise-fragment-memory", "net.ipv4.ipfrag_high_thresh=51200000", "changed"],
    ["raise-fragment-memory", "net.ipv4.ipfrag_high_thresh=51200001", "refused"],
  ] as const)("%s to %s is %s by the memory", (fix, changes, status) => {
    expect(set(fix, "apply", { SSM_Changes: changes }).status).toBe(status);
  });

  it("can be undone when it was killed half way", () => {
    host.write(
      "var/lib/nat-medic/inc-20261121-a1b2c3d4/raise-neighbour-limits",
      `status applying\nbefore.${neighbours}3 1024\nwanted.${neighbours}3 16384\nbefore.${neighbours}2 512\nwanted.${neighbours}2 8192\n`,
    );
    host.write("proc/sys/net/ipv4/neigh/default/gc_thresh3", 16_384);
    expect(set("raise-neighbour-limits", "undo", { SSM_Changes: "none" })).toMatchObject({
      status: "changed",
      values: [{ setting: `${neighbours}3`, before: "16384", after: "1024" }],
    });
    expect(all()).toEqual(Object.values(present));
  });
});

describe("undo", () => {
  it("puts back what the kernel sets together with forwarding", () => {
    set("enable-ip-forward", "apply");
    // As the kernel does.
    for (const name of ["conf/all/forwarding", "conf/ens5/forwarding"]) {
      host.write(`proc/sys/net/ipv4/${name}`, 1);
    }
    host.write("proc/sys/net/ipv4/conf/ens7/forwarding", 1);
    set("enable-ip-forward", "undo");
    expect(all()).toEqual(Object.values(present));
    // Not there before: it keeps what the kernel gave it.
    expect(host.read("proc/sys/net/ipv4/conf/ens7/forwarding")).toBe("1\n");
  });

  it("refuses when somebody has changed it since, unless forced", () => {
    set("raise-fragment-memory", "apply");
    host.write("proc/sys/net/ipv4/ipfrag_high_thresh", 8_388_608);
    expect(set("raise-fragment-memory", "undo")).toMatchObject({
      status: "refused",
      reason:
        "net.ipv4.ipfrag_high_thresh is 8388608: somebody has changed it since (it was 16777216 set here), so nothing was undone",
    });
    expect(set("raise-fragment-memory", "undo", { SSM_Force: "yes" }).status).toBe("changed");
    expect(now("ipfrag_high_thresh")).toBe(4_194_304);
  });

  it("comes by itself when nobody keeps the change", () => {
    host.tool("setsid", 'echo "$5" > "${0%/*}/../armed"');
    host.tool("logger", "exit 0");
    const applied = set("loosen-rp-filter", "apply", { SSM_RestoreAfterSeconds: "900" });
    expect(applied.restoresAt).toBeGreaterThan(0);
    const restore = host.at("var/lib/nat-medic/inc-20261121-a1b2c3d4/loosen-rp-filter.restore.sh");
    const ran = spawnSync(installed("sh") ?? "sh", [restore, String(applied.restoresAt)], {
      encoding: "utf8",
      env: { PATH: `${host.base}/tools` },
    });
    expect(ran).toMatchObject({ status: 0, stderr: "" });
    expect(all()).toEqual(Object.values(present));
    expect(set("loosen-rp-filter", "show")).toMatchObject({ onRecord: "undone", restoresAt: 0 });
  });
});

describe("persist", () => {
  it("says which file wins at boot, when it is not its own", () => {
    set("enable-ip-forward", "apply");
    host.write("etc/sysctl.conf", "net.ipv4.ip_forward = 0\n");
    expect(set("enable-ip-forward", "persist")).toMatchObject({
      status: "failed",
      notes: ["a reboot would set net.ipv4.ip_forward to 0 and not 1: /etc/sysctl.conf has the last word"],
    });
  });

  it("says when nothing would set an interface that comes up after the files were read", () => {
    set("loosen-rp-filter", "apply");
    expect(set("loosen-rp-filter", "persist").notes).toHaveLength(1);
    host.write("usr/lib/udev/rules.d/99-systemd.rules", "");
    expect(set("loosen-rp-filter", "persist").notes).toEqual([]);
  });

  it("refuses when this incident has set nothing", () => {
    expect(set("enable-ip-forward", "persist", { SSM_Changes: "none" })).toMatchObject({
      status: "refused",
    });
  });
});

describe("a request that is none", () => {
  it.each([
    { SSM_Fix: "reboot" },
    { SSM_Fix: "" },
    { SSM_Fix: "../../etc/cron.d/x" },
    { SSM_Fix: "raise-conntrack-max" },
    { SSM_Changes: "" },
    { SSM_Changes: "none" },
    { SSM_Changes: "net.ipv4.ip_forward=0" },
    { SSM_Changes: "net.ipv4.ip_forward=01" },
    { SSM_Changes: "net.ipv4.ip_forward=$(reboot)" },
    { SSM_Changes: "net.ipv4.ip_forward=1,net.ipv4.ip_forward=1" },
    { SSM_Changes: "net.ipv4.ip_forward=1,kernel.panic=1" },
    { SSM_Changes: "kernel.core_pattern=1" },
    { SSM_Changes: "net.ipv4.tcp_tw_reuse=1" },
    { SSM_Changes: "net.ipv4.ip_forward=1,," },
    { SSM_Changes: "net.ipv4.ip_forward=1;reboot" },
    { SSM_Changes: "net.ipv4.ip_forward=*" },
    { SSM_Fix: "loosen-rp-filter", SSM_Changes: "net.ipv4.conf.ens5.rp_filter=0" },
    { SSM_Fix: "loosen-rp-filter", SSM_Changes: "net.ipv4.conf.../../x.rp_filter=2" },
    { SSM_Fix: "loosen-rp-filter", SSM_Changes: "net.ipv4.conf...rp_filter=2" },
    { SSM_Fix: "raise-neighbour-limits", SSM_Changes: `${neighbours}3=2000000` },
    { SSM_Fix: "raise-neighbour-limits", SSM_Changes: `${neighbours}4=2000` },
    { SSM_IncidentId: "inc-short" },
  ])("fails without touching anything: %j", (request) => {
    const change = set("enable-ip-forward", "apply", request as Record<string, string>);
    expect(change.status).toBe("failed");
    expect(all()).toEqual(Object.values(present));
    expect(host.exists("var/lib/nat-medic")).toBe(false);
  });
});
