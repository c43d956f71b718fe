import { execFileSync } from "node:child_process";
import { rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, test } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, hostFolder, networkNamespace, shells } from "./folder-host.ts";

const established = "net.netfilter.nf_conntrack_tcp_timeout_established";
const timeWait = "net.netfilter.nf_conntrack_tcp_timeout_time_wait";
const sysctlFile = "/etc/sysctl.d/99-zz-nat-medic-shorten-conntrack-timeouts.conf";

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
});
afterEach(() => host.remove());

function shorten(action: string, more: Record<string, string> = {}, shell?: string) {
  const request = {
    SSM_IncidentId: "inc-20261121-a1b2c3d4",
    SSM_EstablishedSeconds: "86400",
    SSM_TimeWaitSeconds: "60",
  };
  const ran = host.run("shorten-conntrack-timeouts.sh", { ...request, SSM_Action: action, ...more }, shell);
  expect(ran.exitCode).toBe(0);
  return HostChange.parse(JSON.parse(ran.stdout));
}

it.each(shells)("lowers, persists and undoes under %s", (shell) => {
  expect(shorten("apply", { SSM_Retime: "no" }, shell)).toMatchObject({
    status: "changed",
    values: [
      { setting: established, before: "432000", after: "86400" },
      { setting: timeWait, before: "120", after: "60" },
    ],
    notes: [],
  });
  expect(shorten("persist", {}, shell)).toMatchObject({
    status: "changed",
    files: [
      { path: "/etc/modules-load.d/nat-medic.conf", action: "written" },
      { path: sysctlFile, action: "written" },
    ],
  });
  expect(host.read(sysctlFile)).toBe(`# Written by NAT Medic.\n${established} = 86400\n${timeWait} = 60\n`);
  expect(shorten("undo", {}, shell)).toMatchObject({
    status: "changed",
    values: [
      { setting: timeWait, before: "60", after: "120" },
      { setting: established, before: "86400", after: "432000" },
    ],
    notes: [expect.stringContaining("cannot be put back")],
  });
  expect(host.exists(sysctlFile)).toBe(false);
});

it("says that existing entries keep their timers where there is no python3", () => {
  expect(shorten("apply").notes).toEqual([
    "no python3: entries that exist keep their old timers until their next packet",
  ]);
});

it("says so too where ctnetlink cannot be used", () => {
  host.tool("python3", "exit 1");
  expect(shorten("apply")).toMatchObject({
    status: "changed",
    notes: [expect.stringContaining("ctnetlink could not be used")],
  });
});

it.each([{ SSM_EstablishedSeconds: "7439" }, { SSM_TimeWaitSeconds: "59" }])(
  "refuses a timeout that would end connections that are alive: %j",
  (request) => {
    expect(shorten("apply", request as Record<string, string>)).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("must be at least"),
    });
    expect(host.settingNow("nf_conntrack_tcp_timeout_established")).toBe(432_000);
  },
);

it("never lengthens a timeout", () => {
  host.setting("nf_conntrack_tcp_timeout_established", 7440);
  host.setting("nf_conntrack_tcp_timeout_time_wait", 30);
  expect(shorten("apply", { SSM_Retime: "no" }).status).toBe("unchanged");
  expect(host.settingNow("nf_conntrack_tcp_timeout_established")).toBe(7440);
  expect(host.settingNow("nf_conntrack_tcp_timeout_time_wait")).toBe(30);
});

it("leaves the module to load at boot for the other fix that needs it too", () => {
  shorten("apply", { SSM_Retime: "no" });
  shorten("persist");
  const other = { SSM_IncidentId: "inc-20261121-a1b2c3d4", SSM_ConntrackMax: "65536", SSM_Buckets: "65536" };
  const raise = (action: string) =>
    HostChange.parse(JSON.parse(host.run("raise-conntrack-max.sh", { ...other, SSM_Action: action }).stdout));
  raise("apply");
  expect(raise("persist").files).toContainEqual({
    path: "/etc/modules-load.d/nat-medic.conf",
    action: "kept",
  });
  expect(shorten("undo").files).toContainEqual({
    path: "/etc/modules-load.d/nat-medic.conf",
    action: "kept",
  });
  expect(host.exists("etc/modules-load.d/nat-medic.conf")).toBe(true);
  expect(raise("undo").files).toContainEqual({
    path: "/etc/modules-load.d/nat-medic.conf",
    action: "removed",
  });
});

describe("on the connection table of this machine's kernel, in a namespace", () => {
  const kernel = networkNamespace("nat-medic-retime");
  afterAll(() => void kernel?.remove());
  const ready = test.skipIf(kernel === undefined);
  const inside = (...command: string[]) => kernel?.inside(...command) ?? "";

  beforeEach(() => {
    if (kernel === undefined) return;
    inside("sysctl", "-qw", `${established}=432000`, `${timeWait}=120`);
    try {
      inside("conntrack", "-F");
    } catch {
      // Nothing to flush.
    }
    for (const path of ["proc", "sys"]) {
      rmSync(host.at(path), { recursive: true });
      symlinkSync(`/${path}`, host.at(path));
    }
  });

  /** An entry behind NAT, with its source port as its name. */
  function insert(port: number, timer: number, { state = "ESTABLISHED", zone = 0, ipv6 = false } = {}) {
    const [source, server, nat] = ipv6
      ? ["fd00::1", "2001:db8::1", "2001:db8::9"]
      : ["10.0.0.1", "192.0.2.1", "198.51.100.1"];
    inside(
      ..."conntrack -I -p tcp -u SEEN_REPLY,ASSURED --dport 443 --reply-port-src 443".split(" "),
      ...[
        "--state",
        state,
        "-t",
        `${timer}`,
        "-s",
        `${source}`,
        "-d",
        `${server}`,
        "-r",
        `${server}`,
        "-q",
        `${nat}`,
      ],
      ...["--sport", `${port}`, "--reply-port-dst", `${port}`, "-w", `${zone}`],
    );
  }
  const timers = () =>
    Object.fromEntries(
      ["ipv4", "ipv6"]
        .flatMap((family) => inside("conntrack", "-L", "-f", family).split("\n"))
        .flatMap((line) => {
          const [, timer, port] = /^tcp +6 (\d+) .*?sport=(\d+)/.exec(line) ?? [];
          return timer === undefined ? [] : [[port, Number(timer)]];
        }),
    );
  const onKernel = (action: string, more: Record<string, string> = {}) => {
    const environment = {
      NAT_MEDIC_ROOT: host.root,
      SSM_Action: action,
      SSM_IncidentId: "inc-20261121-a1b2c3d4",
      SSM_EstablishedSeconds: "86400",
      ...more,
    };
    const ran = execFileSync(
      "ip",
      ["netns", "exec", "nat-medic-retime", "sh", join(hostFolder, "shorten-conntrack-timeouts.sh")],
      { encoding: "utf8", env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...environment } },
    );
    return HostChange.parse(JSON.parse(ran));
  };

  ready(
    "gives each established entry the timer it would have, NATed or not, IPv6 and zones included (skipped without root)",
    () => {
      insert(1001, 431_900); // idle for 100 s
      insert(1002, 400_000); // idle for 32,000 s
      insert(1003, 300_000); // idle for longer than the new timeout
      insert(1004, 50_000); // may have been refreshed under the new timeout
      insert(1005, 290); // unacknowledged data
      insert(1006, 100_000, { state: "TIME_WAIT" });
      insert(1007, 431_000, { zone: 7 });
      insert(1008, 431_000, { ipv6: true });
      expect(onKernel("apply")).toMatchObject({
        status: "changed",
        notes: ["re-timed 5 established entries, of which 1 end at once; left 2 as they were"],
      });
      // The one that ended is gone, not only expired: it made room. (A listing would remove it, so count first.)
      expect(inside("conntrack", "-C").trim()).toBe("7");
      const now = timers();
      const about = (expected: number) => expect.closeTo(expected, -1);
      expect(now).toMatchObject({
        1001: about(86_300),
        1002: about(54_400),
        1004: about(50_000),
        1005: about(290),
        1006: about(100_000),
        1007: about(85_400),
        1008: about(85_400),
      });
      expect(now).not.toHaveProperty("1003");
    },
  );

  ready("closed connections end as if the shorter timeout had always been in force", () => {
    insert(1001, 431_900);
    insert(1002, 115, { state: "TIME_WAIT" }); // closed for 5 s
    insert(1003, 65, { state: "TIME_WAIT" }); // closed for 55 s
    insert(1004, 50, { state: "TIME_WAIT" }); // may have been closed under the new timeout
    expect(onKernel("apply", { SSM_EstablishedSeconds: "0", SSM_TimeWaitSeconds: "60" })).toMatchObject({
      status: "changed",
      notes: ["re-timed 2 time-wait entries, of which 0 end at once; left 1 as they were"],
    });
    const now = timers();
    expect(now).toMatchObject({ 1001: expect.closeTo(431_900, -2) });
    expect(now[1002]).toBeGreaterThan(45);
    expect(now[1002]).toBeLessThanOrEqual(55);
    expect(now[1003] ?? 0).toBeLessThanOrEqual(5);
    expect(now[1004]).toBeGreaterThan(40);
  });

  ready("run again touches no entry, and nothing that was refreshed in between", () => {
    insert(1001, 431_900);
    onKernel("apply");
    // As the kernel does when a packet passes.
    insert(1002, 86_400);
    expect(onKernel("apply").status).toBe("unchanged");
    expect(onKernel("apply", { SSM_IncidentId: "inc-20261122-00000000" })).toMatchObject({
      status: "unchanged",
      notes: ["re-timed 0 established entries, of which 0 end at once; left 2 as they were"],
    });
    expect(timers()).toMatchObject({ 1001: expect.closeTo(86_300, -1), 1002: expect.closeTo(86_400, -1) });
  });

  ready("measures entries older than an earlier change of the timeout against the oldest of them", () => {
    inside("sysctl", "-qw", `${established}=86400`);
    insert(1001, 431_000); // the liveliest of those under the old timeout
    insert(1002, 331_000); // at least 100,000 s more idle than that one
    insert(1003, 421_000);
    insert(1004, 86_000);
    expect(onKernel("apply")).toMatchObject({
      status: "changed",
      values: [{ setting: established, before: "86400", after: "86400" }],
      notes: ["re-timed 3 established entries, of which 1 end at once; left 1 as they were"],
    });
    const now = timers();
    expect(now).toMatchObject({
      1001: expect.closeTo(86_400, -1),
      1003: expect.closeTo(76_400, -1),
      1004: expect.closeTo(86_000, -1),
    });
    expect(now).not.toHaveProperty("1002");
  });

  ready("does not take entries refreshed before an undo for long idle ones", () => {
    onKernel("apply");
    insert(1001, 86_000); // alive 400 s ago, under the shorter timeout
    onKernel("undo");
    onKernel("apply", { SSM_IncidentId: "inc-20261122-00000000", SSM_EstablishedSeconds: "7440" });
    expect(timers()).toMatchObject({ 1001: expect.closeTo(86_000, -1) });
  });
});
