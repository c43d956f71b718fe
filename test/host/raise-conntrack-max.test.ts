import { mkdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, shells } from "./folder-host.ts";

const max = "net.netfilter.nf_conntrack_max";
const buckets = "net.netfilter.nf_conntrack_buckets";
const sysctlFile = "/etc/sysctl.d/99-zz-nat-medic-raise-conntrack-max.conf";

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
});
afterEach(() => host.remove());

type Action = "apply" | "persist" | "undo" | "show";
function raise(action: Action, more: Record<string, string> = {}, shell?: string) {
  const request = {
    SSM_IncidentId: "inc-20261121-a1b2c3d4",
    SSM_ConntrackMax: "65536",
    SSM_Buckets: "65536",
  };
  const ran = host.run("raise-conntrack-max.sh", { ...request, SSM_Action: action, ...more }, shell);
  expect(ran.exitCode).toBe(0);
  return HostChange.parse(JSON.parse(ran.stdout));
}
const both = () => [host.settingNow("nf_conntrack_max"), host.settingNow("nf_conntrack_buckets")];

describe.each(shells)("under %s", (shell) => {
  it("raises buckets and then the limit, keeps them over a reboot, and undoes all of it", () => {
    expect(raise("apply", {}, shell)).toMatchObject({
      status: "changed",
      values: [
        { setting: buckets, before: "8192", after: "65536" },
        { setting: max, before: "8192", after: "65536" },
      ],
    });
    expect(both()).toEqual([65_536, 65_536]);
    expect(raise("persist", {}, shell)).toMatchObject({
      status: "changed",
      values: [
        { setting: buckets, before: "", after: "65536" },
        { setting: max, before: "", after: "65536" },
      ],
      files: [
        { path: "/etc/modules-load.d/nat-medic.conf", action: "written" },
        { path: sysctlFile, action: "written" },
        { path: "/etc/modprobe.d/nat-medic.conf", action: "written" },
      ],
    });
    expect(host.read(sysctlFile)).toBe(`# Written by NAT Medic.\n${buckets} = 65536\n${max} = 65536\n`);
    expect(host.read("/etc/modprobe.d/nat-medic.conf")).toContain("\noptions nf_conntrack hashsize=65536\n");
    expect(host.read("/etc/modules-load.d/nat-medic.conf")).toContain("\nnf_conntrack\n");
    expect(raise("undo", {}, shell)).toMatchObject({
      status: "changed",
      values: [
        { setting: max, before: "65536", after: "8192" },
        { setting: buckets, before: "65536", after: "8192" },
      ],
    });
    expect(both()).toEqual([8192, 8192]);
    for (const file of [sysctlFile, "/etc/modprobe.d/nat-medic.conf", "/etc/modules-load.d/nat-medic.conf"]) {
      expect(host.exists(file)).toBe(false);
    }
    expect(raise("undo", {}, shell)).toMatchObject({ status: "unchanged", values: [], files: [] });
  });
});

describe("apply", () => {
  it("done twice for one incident changes nothing the second time, and tells the first values again", () => {
    const first = raise("apply");
    expect(raise("apply")).toEqual({ ...first, status: "unchanged" });
  });

  it("has nothing to do where the table is large enough", () => {
    host.setting("nf_conntrack_max", 262_144);
    host.setting("nf_conntrack_buckets", 65_536);
    expect(raise("apply")).toMatchObject({
      status: "unchanged",
      values: [
        { setting: buckets, before: "65536", after: "65536" },
        { setting: max, before: "262144", after: "262144" },
      ],
    });
    expect(raise("undo")).toMatchObject({
      status: "unchanged",
      reason: "this incident changed nothing on this host",
    });
  });

  it("raises one of the two when that is all that is asked", () => {
    expect(raise("apply", { SSM_ConntrackMax: "0" }).values).toEqual([
      { setting: buckets, before: "8192", after: "65536" },
    ]);
    expect(both()).toEqual([8192, 65_536]);
  });

  it("refuses to lower one setting while raising the other", () => {
    host.setting("nf_conntrack_buckets", 262_144);
    expect(raise("apply")).toMatchObject({
      status: "refused",
      reason: "nf_conntrack_buckets is 262144: 65536 would undo that",
    });
    expect(both()).toEqual([8192, 262_144]);
  });

  it("refuses more than a quarter of the free memory", () => {
    // 800,000 kB free and 12 entries present: a quarter is 204,817,734 bytes, which 455,100 entries and the buckets exceed.
    expect(raise("apply", { SSM_ConntrackMax: "455100", SSM_Buckets: "0" })).toMatchObject({
      status: "refused",
      reason: "455100 entries may take 195 MiB: more than a quarter of the 781 MiB available",
    });
    expect(raise("apply", { SSM_ConntrackMax: "440000", SSM_Buckets: "0" }).status).toBe("changed");
  });

  it("refuses where the kernel tracks no connections", () => {
    rmSync(host.at("proc/sys/net/netfilter"), { recursive: true });
    expect(raise("apply")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("not loaded"),
    });
  });

  it("puts the buckets back when the limit does not take its value", () => {
    // As in a network namespace, where only the buckets' other name can be written.
    rmSync(host.at("proc/sys/net/netfilter/nf_conntrack_max"));
    host.write("max", 8192);
    host.tool("cat", `case $1 in */nf_conntrack_max) echo 8192 ;; *) exec /bin/cat "$@" ;; esac`);
    mkdirSync(host.at("proc/sys/net/netfilter/nf_conntrack_max"));
    expect(raise("apply")).toMatchObject({
      status: "failed",
      reason: "nf_conntrack_max did not take its value: everything is as it was",
    });
    expect(host.settingNow("nf_conntrack_buckets")).toBe(8192);
    expect(raise("undo").status).toBe("unchanged");
  });

  it("changes nothing when the old values cannot be written down first", () => {
    host.write("var/lib/nat-medic", "a file where the folder should be");
    expect(raise("apply").status).toBe("failed");
    expect(both()).toEqual([8192, 8192]);
  });

  it("finishes what a killed run of the same incident began, and remembers what was there before that", () => {
    host.write(
      "var/lib/nat-medic/inc-20261121-a1b2c3d4/raise-conntrack-max",
      "status applying\nbefore.nf_conntrack_buckets 8192\nwanted.nf_conntrack_buckets 65536\nbefore.nf_conntrack_max 8192\nwanted.nf_conntrack_max 65536\n",
    );
    host.setting("nf_conntrack_buckets", 65_536);
    expect(raise("apply")).toMatchObject({
      status: "changed",
      values: [
        { setting: buckets, before: "8192", after: "65536" },
        { setting: max, before: "8192", after: "65536" },
      ],
    });
    raise("undo");
    expect(both()).toEqual([8192, 8192]);
  });

  it("can be undone when it was killed half way", () => {
    host.write(
      "var/lib/nat-medic/inc-20261121-a1b2c3d4/raise-conntrack-max",
      "status applying\nbefore.nf_conntrack_buckets 8192\nwanted.nf_conntrack_buckets 65537\nbefore.nf_conntrack_max 8192\nwanted.nf_conntrack_max 65536\n",
    );
    // The kernel rounds up to a multiple of 512.
    host.setting("nf_conntrack_buckets", 66_048);
    expect(raise("undo")).toMatchObject({
      status: "changed",
      values: [{ setting: buckets, before: "66048", after: "8192" }],
    });
    expect(both()).toEqual([8192, 8192]);
  });

  it("tells when somebody has changed its value since, rather than do it again", () => {
    raise("apply");
    host.setting("nf_conntrack_max", 10_000);
    expect(raise("apply")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("nf_conntrack_max is now 10000"),
    });
    expect(host.settingNow("nf_conntrack_max")).toBe(10_000);
  });
});

describe("undo", () => {
  it("never sets the limit below the present count, not even when forced", () => {
    raise("apply");
    raise("persist");
    host.setting("nf_conntrack_count", 8193);
    for (const force of ["no", "yes"]) {
      expect(raise("undo", { SSM_Force: force })).toMatchObject({
        status: "refused",
        reason: expect.stringContaining("the table holds 8193 entries"),
      });
    }
    expect(both()).toEqual([65_536, 65_536]);
    expect(host.exists(sysctlFile)).toBe(true);
  });

  it("leaves alone what somebody else has set since, unless forced", () => {
    raise("apply");
    host.setting("nf_conntrack_max", 131_072);
    expect(raise("undo")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("nf_conntrack_max is 131072"),
      // What undo would put back, and what is there.
      values: [
        { setting: max, before: "8192", after: "131072" },
        { setting: buckets, before: "8192", after: "65536" },
      ],
      onRecord: "applied",
    });
    expect(both()).toEqual([131_072, 65_536]);
    expect(raise("undo", { SSM_Force: "yes" })).toMatchObject({
      status: "changed",
      notes: ["overruled: nf_conntrack_max is 131072, which somebody else had set"],
    });
    expect(both()).toEqual([8192, 8192]);
  });

  it("leaves alone a file that somebody has edited since", () => {
    raise("apply");
    raise("persist");
    host.write(sysctlFile, `${host.read(sysctlFile)}net.ipv4.ip_forward = 1\n`);
    expect(raise("undo")).toMatchObject({
      status: "refused",
      reason: `${sysctlFile} has been edited since, so nothing was undone`,
      values: [
        { setting: max, before: "8192", after: "65536" },
        { setting: buckets, before: "8192", after: "65536" },
      ],
      files: [{ path: sysctlFile, action: "kept" }],
      onRecord: "persisted",
    });
    expect(both()).toEqual([65_536, 65_536]);
  });

  it("undoes two incidents one after the other, back to the first values", () => {
    raise("apply");
    raise("persist");
    const second = {
      SSM_IncidentId: "inc-20261122-e5f6a7b8",
      SSM_ConntrackMax: "131072",
      SSM_Buckets: "131072",
    };
    raise("apply", second);
    raise("persist", second);
    expect(raise("undo").status).toBe("refused");
    expect(raise("undo", second).files).toEqual([
      { path: "/etc/modprobe.d/nat-medic.conf", action: "restored" },
      { path: sysctlFile, action: "restored" },
      { path: "/etc/modules-load.d/nat-medic.conf", action: "kept" },
    ]);
    expect(both()).toEqual([65_536, 65_536]);
    expect(host.read(sysctlFile)).toContain(`${max} = 65536\n`);
    expect(raise("undo").status).toBe("changed");
    expect(both()).toEqual([8192, 8192]);
    expect(host.exists("/etc/modules-load.d/nat-medic.conf")).toBe(false);
  });
});

describe("persist", () => {
  it("says which file wins at boot, when it is not its own", () => {
    raise("apply");
    host.write("etc/sysctl.conf", `${max}=1000\n`);
    expect(raise("persist")).toMatchObject({
      status: "failed",
      notes: [
        "a reboot would set nf_conntrack_max to 1000 and not 65536: /etc/sysctl.conf has the last word",
      ],
    });
  });

  it("writes nothing the second time", () => {
    raise("apply");
    raise("persist");
    const again = raise("persist");
    expect(again.status).toBe("unchanged");
    expect(again.files.map(({ action }) => action)).toEqual(["kept", "kept", "kept"]);
  });

  it("leaves out modprobe.d and modules-load.d where the module is built in", () => {
    rmSync(host.at("sys/module/nf_conntrack/initstate"));
    raise("apply");
    expect(raise("persist").files).toEqual([{ path: sysctlFile, action: "written" }]);
  });

  it("edits fck-nat's own keys where fck-nat owns the host, keeps its other lines, and restores them exactly", () => {
    const conf = '# ours\neni_id=eni-0123\n  nf_conntrack_max="20000" # was enough\ncwagent_enabled=true';
    host.write("etc/fck-nat.conf", conf);
    host.write(
      "opt/fck-nat/fck-nat.sh",
      "nf_conntrack_max nf_conntrack_buckets nf_conntrack_tcp_timeout_established\n",
    );
    raise("apply");
    expect(raise("persist")).toMatchObject({
      status: "changed",
      files: [
        { path: "/etc/fck-nat.conf", action: "written" },
        { path: "/etc/modules-load.d/nat-medic.conf", action: "written" },
        { path: "/etc/modprobe.d/nat-medic.conf", action: "written" },
      ],
      notes: ["a new instance of fck-nat writes its configuration from user data: set it there too"],
    });
    expect(host.read("etc/fck-nat.conf")).toBe(
      "# ours\neni_id=eni-0123\nnf_conntrack_max=65536\ncwagent_enabled=true\nnf_conntrack_buckets=65536\n",
    );
    expect(raise("undo").files.at(-1)).toEqual({ path: "/etc/fck-nat.conf", action: "restored" });
    expect(host.read("etc/fck-nat.conf")).toBe(conf);
  });

  it("writes the keys that an older fck-nat does not know to sysctl.d", () => {
    host.write("etc/fck-nat.conf", "eni_id=eni-0123\n");
    host.write("opt/fck-nat/fck-nat.sh", "nf_conntrack_max\n");
    raise("apply");
    expect(raise("persist").status).toBe("changed");
    expect(host.read("etc/fck-nat.conf")).toBe("eni_id=eni-0123\nnf_conntrack_max=65536\n");
    expect(host.read(sysctlFile)).toBe(`# Written by NAT Medic.\n${buckets} = 65536\n`);
  });

  it("never lowers what the files say already", () => {
    host.write("etc/sysctl.d/50-nat.conf", `${max} = 262144\n`);
    raise("apply");
    expect(raise("persist").values).toContainEqual({ setting: max, before: "262144", after: "262144" });
  });

  it("is refused where alternat replaces the host", () => {
    host.write("etc/alternat.conf", "enable_ssm=true\n");
    raise("apply");
    expect(raise("persist")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("launch template"),
    });
    expect(host.exists(sysctlFile)).toBe(false);
  });
});

describe("a request that is none", () => {
  it.each([
    { SSM_Action: "reboot" },
    { SSM_IncidentId: "" },
    { SSM_IncidentId: "inc-short" },
    { SSM_IncidentId: "inc-../../../etc/cron.d" },
    { SSM_IncidentId: "inc-$(reboot)xxxx" },
    { SSM_IncidentId: 'inc-20261121-"}],{' },
    { SSM_ConntrackMax: "-1" },
    { SSM_ConntrackMax: "010" },
    { SSM_ConntrackMax: "65536; reboot" },
    { SSM_ConntrackMax: "99999999999" },
    { SSM_Buckets: "many" },
    { SSM_Force: "please" },
    { SSM_RestoreAfterSeconds: "soon" },
    { SSM_RestoreAfterSeconds: "86401" },
  ])("fails without touching anything: %j", (request) => {
    const change = raise("apply", request as Record<string, string>);
    expect(change.status).toBe("failed");
    expect(both()).toEqual([8192, 8192]);
    expect(host.exists("var/lib/nat-medic")).toBe(false);
  });

  it("shows, and does nothing else, without an action", () => {
    expect(raise("show")).toMatchObject({
      status: "unchanged",
      values: [
        { setting: buckets, before: "", after: "8192" },
        { setting: max, before: "", after: "8192" },
      ],
      onRecord: "none",
      restoresAt: 0,
    });
    expect(host.exists("var/lib/nat-medic")).toBe(false);
  });
});
