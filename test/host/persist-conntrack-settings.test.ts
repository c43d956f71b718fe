import { spawnSync } from "node:child_process";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, installed, shells } from "./folder-host.ts";

const sysctlFile = "/etc/sysctl.d/99-zz-nat-medic-persist-conntrack-settings.conf";
const files = ["/etc/modules-load.d/nat-medic.conf", sysctlFile, "/etc/modprobe.d/nat-medic.conf"];
const max = "net.netfilter.nf_conntrack_max";
const buckets = "net.netfilter.nf_conntrack_buckets";
const established = "net.netfilter.nf_conntrack_tcp_timeout_established";

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
  host.setting("nf_conntrack_max", 65_536);
  host.setting("nf_conntrack_buckets", 32_768);
});
afterEach(() => host.remove());

function keep(action: string, more: Record<string, string> = {}, shell?: string) {
  const request = { SSM_IncidentId: "inc-20261121-a1b2c3d4", SSM_Action: action };
  const ran = host.run("persist-conntrack-settings.sh", { ...request, ...more }, shell);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return HostChange.parse(JSON.parse(ran.stdout));
}

describe.each(shells)("under %s", (shell) => {
  it("writes what runs, keeps it, and takes it back", () => {
    expect(keep("apply", {}, shell)).toMatchObject({
      status: "changed",
      values: [
        { setting: buckets, before: "", after: "32768" },
        { setting: max, before: "", after: "65536" },
      ],
      files: files.map((path) => ({ path, action: "written" })),
      onRecord: "applied",
    });
    expect(host.read(sysctlFile)).toBe(`# Written by NAT Medic.\n${buckets} = 32768\n${max} = 65536\n`);
    expect(host.read("etc/modprobe.d/nat-medic.conf")).toContain("\noptions nf_conntrack hashsize=32768\n");
    expect(keep("apply", {}, shell)).toMatchObject({ status: "unchanged" });
    expect(keep("persist", {}, shell)).toMatchObject({ status: "changed", onRecord: "persisted" });
    expect(keep("persist", {}, shell)).toMatchObject({ status: "unchanged", onRecord: "persisted" });
    expect(keep("undo", {}, shell)).toMatchObject({ status: "changed", onRecord: "undone" });
    for (const file of files) expect(host.exists(file)).toBe(false);
    expect(keep("undo", {}, shell)).toMatchObject({ status: "unchanged", files: [] });
    expect(host.settingNow("nf_conntrack_max")).toBe(65_536);
  });
});

it("writes a timeout that is not the kernel's own, and one that a file says otherwise", () => {
  host.setting("nf_conntrack_tcp_timeout_established", 86_400);
  host.write("etc/sysctl.d/50-old.conf", "net.netfilter.nf_conntrack_tcp_timeout_time_wait = 30\n");
  expect(keep("apply").values).toEqual([
    { setting: buckets, before: "", after: "32768" },
    { setting: max, before: "", after: "65536" },
    { setting: established, before: "", after: "86400" },
    { setting: "net.netfilter.nf_conntrack_tcp_timeout_time_wait", before: "30", after: "120" },
  ]);
});

it("leaves a larger table that the files already say", () => {
  host.write("etc/sysctl.d/50-nat.conf", `${max} = 262144\n`);
  expect(keep("apply").values).toContainEqual({ setting: max, before: "262144", after: "262144" });
});

it("writes nothing where another file would win, and leaves nothing behind", () => {
  host.write("etc/sysctl.conf", `${max}=1000\n`);
  expect(keep("apply")).toMatchObject({
    status: "failed",
    reason: "another file would win at boot: everything is as it was",
    onRecord: "none",
  });
  for (const file of files) expect(host.exists(file)).toBe(false);
});

it("is refused where alternat replaces the host", () => {
  host.write("etc/alternat.conf", "enable_ssm=true\n");
  expect(keep("apply")).toMatchObject({ status: "refused", onRecord: "none" });
  expect(host.exists("var/lib/nat-medic")).toBe(false);
});

it("edits fck-nat's own keys where fck-nat owns the host, and puts them back", () => {
  const conf = "eni_id=eni-0123\nnf_conntrack_max=20000\n";
  host.write("etc/fck-nat.conf", conf);
  keep("apply");
  expect(host.read("etc/fck-nat.conf")).toBe(
    "eni_id=eni-0123\nnf_conntrack_max=65536\nnf_conntrack_buckets=32768\n",
  );
  keep("undo");
  expect(host.read("etc/fck-nat.conf")).toBe(conf);
});

it("takes the files back by itself when nobody keeps them", () => {
  host.tool("setsid", "exit 0");
  host.tool("logger", "exit 0");
  const { restoresAt } = keep("apply", { SSM_RestoreAfterSeconds: "900" });
  const restore = host.at("var/lib/nat-medic/inc-20261121-a1b2c3d4/persist-conntrack-settings.restore.sh");
  const ran = spawnSync(installed("sh") ?? "sh", [restore, String(restoresAt)], {
    encoding: "utf8",
    env: { PATH: `${host.base}/tools` },
  });
  expect(ran).toMatchObject({ status: 0, stderr: "" });
  for (const file of files) expect(host.exists(file)).toBe(false);
  expect(keep("persist")).toMatchObject({ status: "refused", onRecord: "undone" });
});

it("is undone when it was killed between two files", () => {
  keep("apply");
  host.write(
    "var/lib/nat-medic/inc-20261121-a1b2c3d4/persist-conntrack-settings",
    "status applying\nrestore_at 0\n",
  );
  expect(keep("persist")).toMatchObject({ status: "refused", onRecord: "applying" });
  expect(keep("undo")).toMatchObject({ status: "changed", onRecord: "undone" });
  for (const file of files) expect(host.exists(file)).toBe(false);
});

it("refuses to take back a file that was edited since", () => {
  keep("apply");
  host.write(sysctlFile, `${host.read(sysctlFile)}net.ipv4.ip_forward = 1\n`);
  expect(keep("undo")).toMatchObject({
    status: "refused",
    reason: `${sysctlFile} has been edited since, so nothing was undone`,
  });
});
