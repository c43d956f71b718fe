/** The restore that a fix arms before it changes anything: by a timer of systemd, or by a process of its own session. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { type FolderHost, folderHost, installed, shells } from "./folder-host.ts";

const incident = "inc-20261121-a1b2c3d4";
const unit = `nat-medic-restore-${incident}-raise-conntrack-max`;
const restoreFile = `var/lib/nat-medic/${incident}/raise-conntrack-max.restore.sh`;
const raised = [
  { setting: "net.netfilter.nf_conntrack_max", before: "65536", after: "8192" },
  { setting: "net.netfilter.nf_conntrack_buckets", before: "65536", after: "8192" },
];

let host: FolderHost;
beforeEach(() => {
  host = folderHost();
  host.write("proc/sys/kernel/random/boot_id", "11111111-1111-4111-8111-111111111111\n");
  host.tool("logger", `echo "$*" >> ${log()}`);
});
afterEach(() => host.remove());

const log = () => join(host.base, "log");
const logged = () => (existsSync(log()) ? readFileSync(log(), "utf8") : "");
const units = () => join(host.base, "units");
const armedUnits = () => readdirSync(units()).sort();
const both = () => [host.settingNow("nf_conntrack_max"), host.settingNow("nf_conntrack_buckets")];
const restart = () => {
  host.write("proc/sys/kernel/random/boot_id", "22222222-2222-4222-8222-222222222222\n");
  host.setting("nf_conntrack_max", 8192);
  host.setting("nf_conntrack_buckets", 8192);
};

const request = (action: string) => ({
  SSM_Action: action,
  SSM_IncidentId: incident,
  SSM_ConntrackMax: "65536",
  SSM_Buckets: "65536",
  SSM_RestoreAfterSeconds: "900",
});
function run(script: string, action: string, more: Record<string, string> = {}, shell?: string) {
  const ran = host.run(script, { ...request(action), ...more }, shell);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "" });
  return HostChange.parse(JSON.parse(ran.stdout));
}
const raise = (action: string, more: Record<string, string> = {}, shell?: string) =>
  run("raise-conntrack-max.sh", action, more, shell);
const shorten = (action: string, more: Record<string, string> = {}) =>
  run("shorten-conntrack-timeouts.sh", action, {
    SSM_EstablishedSeconds: "86400",
    SSM_Retime: "no",
    ...more,
  });

/** systemd as process 1: a unit is a file with its command, and goes when it is stopped. */
function withSystemd() {
  mkdirSync(units());
  host.write("run/systemd/system/.keep", "");
  host.tool(
    "systemd-run",
    `
for word in "$@"; do
  case $word in
    --unit=*) unit=${units()}/\${word#--unit=} ;;
    --on-active=*) seconds=\${word#--on-active=} ;;
  esac
  shift
  case $word in --*) ;; *) set -- "$@" "$word" ;; esac
done
[ ! -e "$unit.timer" ] || exit 1
echo "$seconds" > "$unit.timer"
printf '%s\\n' "$@" > "$unit.command"`,
  );
  host.tool(
    "systemctl",
    `
case $1 in
  stop) shift; for unit in "$@"; do rm -f "${units()}/$unit"; done; exit 0 ;;
  is-active) ls ${units()}/*.timer >/dev/null 2>&1 ;;
esac`,
  );
}
/** The timer elapses. */
function elapse() {
  const [shell = "", ...command] = readFileSync(join(units(), `${unit}.command`), "utf8")
    .trim()
    .split("\n");
  // As a unit gets it: nothing of the environment in which it was armed.
  const ran = spawnSync(shell, command, { encoding: "utf8", env: { PATH: join(host.base, "tools") } });
  expect(ran).toMatchObject({ status: 0, stdout: "", stderr: "" });
}

describe("where systemd is process 1", () => {
  beforeEach(withSystemd);

  it.each(shells)("arms a timer before the change, and the timer puts everything back (%s)", (shell) => {
    const soonest = Math.floor(Date.now() / 1000) + 900;
    const applied = raise("apply", {}, shell);
    expect(applied).toMatchObject({ status: "changed", onRecord: "applied", notes: [] });
    expect(applied.restoresAt - soonest).toBeGreaterThanOrEqual(0);
    expect(applied.restoresAt - soonest).toBeLessThan(30);
    expect(readFileSync(join(units(), `${unit}.timer`), "utf8")).toBe("900\n");
    elapse();
    expect(both()).toEqual([8192, 8192]);
    expect(armedUnits()).toEqual([`${unit}.command`]);
    expect(host.exists(restoreFile)).toBe(false);
    expect(raise("show", {}, shell)).toMatchObject({ onRecord: "undone", restoresAt: 0 });
    expect(logged()).toBe(
      `-t nat-medic ${incident} raise-conntrack-max: nobody has kept the change in time, undo: changed  nf_conntrack_max 65536 -> 8192, nf_conntrack_buckets 65536 -> 8192\n`,
    );
  });

  it("leaves the change alone once it is persisted, and leaves nothing behind", () => {
    raise("apply");
    expect(raise("persist")).toMatchObject({ status: "changed", onRecord: "persisted", restoresAt: 0 });
    expect(host.exists(restoreFile)).toBe(false);
    expect(armedUnits()).toEqual([`${unit}.command`]);
    expect(raise("show")).toMatchObject({
      onRecord: "persisted",
      values: [
        { before: "8192", after: "65536" },
        { before: "8192", after: "65536" },
      ],
    });
    expect(raise("undo")).toMatchObject({ status: "changed", onRecord: "undone", values: raised });
  });

  it("ends the restore even where the change cannot be made to last", () => {
    host.write("etc/alternat.conf", "enable_ssm=true\n");
    raise("apply");
    expect(raise("persist")).toMatchObject({ status: "refused", onRecord: "applied", restoresAt: 0 });
    expect(armedUnits()).toEqual([`${unit}.command`]);
    expect(both()).toEqual([65_536, 65_536]);
  });

  it("ends the restore with an undo", () => {
    raise("apply");
    expect(raise("undo")).toMatchObject({ status: "changed", onRecord: "undone", restoresAt: 0 });
    expect(armedUnits()).toEqual([`${unit}.command`]);
  });

  it("does nothing when a restore that was cancelled comes all the same", () => {
    raise("apply");
    const copy = host.read(restoreFile);
    raise("persist");
    host.write(restoreFile, copy);
    elapse();
    expect(both()).toEqual([65_536, 65_536]);
    expect(logged()).toBe("");
    // Nor when it belongs to an earlier arming.
    host.write(restoreFile, copy);
    raise("undo");
    raise("apply", { SSM_RestoreAfterSeconds: "1000" });
    elapseWith("1");
    expect(both()).toEqual([65_536, 65_536]);
  });
  const elapseWith = (armedFor: string) =>
    spawnSync("/bin/sh", [host.at(restoreFile), armedFor], { env: { PATH: join(host.base, "tools") } });

  it("does not pretend to keep what has been put back", () => {
    raise("apply");
    elapse();
    expect(raise("persist")).toMatchObject({
      status: "refused",
      reason: expect.stringMatching(/^the host has put this back at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC/),
      onRecord: "undone",
    });
    expect(raise("undo")).toMatchObject({
      status: "unchanged",
      reason: expect.stringContaining("put this back"),
    });
    expect(host.exists("etc/sysctl.d")).toBe(false);
  });

  it("leaves alone what somebody has changed since, and says so to whoever asks", () => {
    raise("apply");
    host.setting("nf_conntrack_max", 131_072);
    elapse();
    expect(both()).toEqual([131_072, 65_536]);
    expect(logged()).toContain("refused nf_conntrack_max is 131072: somebody has changed it since");
    expect(raise("show")).toMatchObject({
      onRecord: "applied",
      restoresAt: 0,
      notes: [expect.stringContaining("could not put this back by itself: nf_conntrack_max is 131072")],
    });
    expect(armedUnits()).toEqual([`${unit}.command`]);
  });

  it("never sets the limit below what the table holds", () => {
    raise("apply");
    host.setting("nf_conntrack_count", 9000);
    elapse();
    expect(both()).toEqual([65_536, 65_536]);
    expect(logged()).toContain("the table holds 9000 entries");
  });

  it("puts back a change that was killed half way", () => {
    raise("apply");
    host.write(
      `var/lib/nat-medic/${incident}/raise-conntrack-max`,
      host
        .read(`var/lib/nat-medic/${incident}/raise-conntrack-max`)
        .replace("status applied", "status applying")
        .replaceAll(/^after.*\n/gm, ""),
    );
    host.setting("nf_conntrack_max", 8192);
    expect(raise("show")).toMatchObject({
      onRecord: "applying",
      values: [
        { setting: "net.netfilter.nf_conntrack_buckets", before: "8192", after: "65536" },
        { setting: "net.netfilter.nf_conntrack_max", before: "8192", after: "8192" },
      ],
    });
    elapse();
    expect(both()).toEqual([8192, 8192]);
  });

  it("tells the time of the first arming when the same apply comes twice", () => {
    const first = raise("apply");
    expect(raise("apply", { SSM_RestoreAfterSeconds: "86400" })).toEqual({ ...first, status: "unchanged" });
  });

  it("arms nothing where there is nothing to change", () => {
    host.setting("nf_conntrack_max", 262_144);
    host.setting("nf_conntrack_buckets", 65_536);
    expect(raise("apply")).toMatchObject({ status: "unchanged", onRecord: "none", restoresAt: 0 });
    expect(armedUnits()).toEqual([]);
  });

  it("says so when the timer that was armed is gone", () => {
    raise("apply");
    rmSync(join(units(), `${unit}.timer`));
    expect(raise("show")).toMatchObject({
      onRecord: "applied",
      restoresAt: 0,
      notes: ["the restore that was armed is gone: the host will not put this back by itself"],
    });
  });

  it("takes down what it armed when the first value does not take", () => {
    host.tool("cat", `case $1 in */nf_conntrack_max) echo 8192 ;; *) exec /bin/cat "$@" ;; esac`);
    expect(raise("apply")).toMatchObject({ status: "failed", onRecord: "none", restoresAt: 0 });
    expect(armedUnits()).toEqual([`${unit}.command`]);
  });

  it("works when a person runs it by hand", () => {
    raise("apply");
    const ran = spawnSync("/bin/sh", [host.at(restoreFile)], {
      encoding: "utf8",
      env: { PATH: join(host.base, "tools") },
    });
    expect(HostChange.parse(JSON.parse(ran.stdout))).toMatchObject({ action: "undo", status: "changed" });
    expect(both()).toEqual([8192, 8192]);
  });
});

it("keeps a true record when nobody is left to read its answer", () => {
  withSystemd();
  for (const [action, onRecord] of [
    ["apply", "applied"],
    ["persist", "persisted"],
    ["undo", "undone"],
  ] as const) {
    expect(raise("show").onRecord).not.toBe(onRecord);
    expect(
      host.start("raise-conntrack-max.sh", request(action), ["/bin/sh", "-c", 'sh "$0" | true']).stdout,
    ).toBe("");
    expect(raise("show").onRecord).toBe(onRecord);
  }
});

describe("where no restore can be armed", () => {
  it("goes on with a change that can be undone cleanly, and says so", () => {
    expect(raise("apply")).toMatchObject({
      status: "changed",
      restoresAt: 0,
      onRecord: "applied",
      notes: ["no restore could be armed: the host will not put this back by itself"],
    });
  });

  it("does not begin one that cannot", () => {
    expect(shorten("apply")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("no restore could be armed"),
      onRecord: "none",
    });
    expect(host.settingNow("nf_conntrack_tcp_timeout_established")).toBe(432_000);
    expect(shorten("apply", { SSM_RestoreAfterSeconds: "0" })).toMatchObject({ status: "changed" });
  });

  it("tries without systemd when systemd does not answer", () => {
    withSystemd();
    host.tool("systemd-run", "exit 1");
    host.link("setsid");
    expect(raise("apply", { SSM_RestoreAfterSeconds: "60" })).toMatchObject({ status: "changed", notes: [] });
    expect(raise("undo")).toMatchObject({ status: "changed" });
  });
});

const sessions = () => {
  const marker = `${host.at(restoreFile)}`;
  return readdirSync("/proc").filter((pid) => {
    try {
      return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(marker);
    } catch {
      return false;
    }
  });
};

describe("where another program is process 1", () => {
  beforeEach(() => host.link("setsid"));

  it.each(shells)("a process of its own session puts everything back (%s)", async (shell) => {
    const { restoresAt } = raise("apply", { SSM_RestoreAfterSeconds: "2" }, shell);
    expect(sessions()).toHaveLength(1);
    await expect.poll(both, { timeout: 10_000 }).toEqual([8192, 8192]);
    expect(Date.now() / 1000).toBeGreaterThanOrEqual(restoresAt);
    await expect.poll(() => raise("show").onRecord).toBe("undone");
    await expect.poll(sessions).toEqual([]);
    // busybox prefers a logger of its own.
    if (shell !== "busybox") expect(logged()).toContain("nobody has kept the change in time, undo: changed");
  });

  it.each(["persist", "undo"])("no process is left after %s", async (action) => {
    raise("apply", { SSM_RestoreAfterSeconds: "1" });
    const after = raise(action);
    expect(after).toMatchObject({ status: "changed", restoresAt: 0 });
    await expect.poll(sessions).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(both()).toEqual(action === "persist" ? [65_536, 65_536] : [8192, 8192]);
    expect(logged()).toBe("");
  });

  it("says so when the process is gone", () => {
    raise("apply", { SSM_RestoreAfterSeconds: "60" });
    for (const pid of sessions()) process.kill(Number(pid), "SIGKILL");
    expect(raise("show").notes).toEqual([
      "the restore that was armed is gone: the host will not put this back by itself",
    ]);
  });
});

describe("after a restart of the host", () => {
  it("nothing is left of what was only applied, and everybody who asks is told", () => {
    raise("apply");
    restart();
    const reason = "this host has restarted since, which undid the change";
    expect(raise("show")).toMatchObject({ onRecord: "undone", restoresAt: 0, notes: [reason] });
    expect(raise("persist")).toMatchObject({ status: "refused", reason, onRecord: "undone" });
    expect(raise("undo")).toMatchObject({ status: "unchanged", reason, values: [] });
    expect(host.exists("etc/sysctl.d")).toBe(false);
  });

  it("another apply begins anew, from the values of this start", () => {
    raise("apply");
    restart();
    host.setting("nf_conntrack_max", 16_384);
    expect(raise("apply")).toMatchObject({
      status: "changed",
      values: [
        { before: "8192", after: "65536" },
        { before: "16384", after: "65536" },
      ],
      onRecord: "applied",
    });
    expect(raise("undo").status).toBe("changed");
    expect(both()).toEqual([16_384, 8192]);
  });

  it("what was persisted is in force, and can be undone", () => {
    raise("apply");
    raise("persist");
    restart();
    host.setting("nf_conntrack_max", 65_536);
    host.setting("nf_conntrack_buckets", 65_536);
    expect(raise("show").onRecord).toBe("persisted");
    expect(raise("undo")).toMatchObject({ status: "changed", values: raised, onRecord: "undone" });
    expect(host.exists(`var/lib/nat-medic/${incident}/raise-conntrack-max.files`)).toBe(false);
  });
});

/**
 * SIGKILL of the process group at every point that makes a difference: before each program that the script starts to
 * write something, and before each reading of a value, which lies between the writes of two values.
 */
describe.skipIf(installed("setsid") === undefined)("killed at any point", () => {
  const countdown = () => join(host.base, "countdown");
  const stage = () => {
    withSystemd();
    const tools = join(host.base, "tools");
    for (const tool of ["cat", "cp", "mv", "rm", "systemctl", "systemd-run"]) {
      const from = installed(tool);
      const real = tool.startsWith("systemd") || tool === "systemctl" ? `${tools}/.${tool}` : from;
      if (real !== from) renameSync(join(tools, tool), `${tools}/.${tool}`);
      host.tool(
        tool,
        `case ${tool}:\${1:-} in cat:*/net/netfilter/* | [!c]* | cp:*)
  if [ -s ${countdown()} ]; then
    read -r n < ${countdown()}
    echo $((n - 1)) > ${countdown()}
    if [ "$n" = 1 ]; then
      # The group of whoever leads the session: \`timeout\` has made one of its own.
      read -r pid name state parent group session rest < /proc/$$/stat
      kill -KILL "-$session" "$$"
    fi
  fi
esac
exec ${real} "$@"`,
      );
    }
  };
  /** Whether it died, at the nth of those programs; else it came to its end before. */
  const dies = (action: string, nth: number): boolean => {
    writeFileSync(countdown(), `${nth}\n`);
    const { signal } = host.start("raise-conntrack-max.sh", request(action));
    rmSync(countdown());
    return signal === "SIGKILL";
  };
  const isArmed = () => existsSync(join(units(), `${unit}.timer`));
  const configured = () =>
    ["sysctl.d", "modprobe.d", "modules-load.d"].flatMap((folder) =>
      host.exists(`etc/${folder}`) ? readdirSync(host.at(`etc/${folder}`)) : [],
    );

  /** Kills `action` at each point in turn, on a fresh host that `prepare` got ready, and then looks. */
  const atEveryPoint = (action: string, prepare: () => void, look: () => void): number => {
    for (let nth = 1; ; nth += 1) {
      host.remove();
      host = folderHost();
      host.write("proc/sys/kernel/random/boot_id", "11111111-1111-4111-8111-111111111111\n");
      stage();
      prepare();
      if (!dies(action, nth)) return nth - 1;
      try {
        look();
      } catch (error) {
        throw new Error(`killed ${action} at point ${nth}`, { cause: error });
      }
    }
  };

  it("apply: the timer puts back what was done, and there is one whenever something was done", () => {
    const points = atEveryPoint(
      "apply",
      () => {},
      () => {
        const { onRecord, restoresAt } = raise("show");
        if (both().some((value) => value !== 8192)) {
          expect(["applying", "applied"]).toContain(onRecord);
          expect(restoresAt).toBeGreaterThan(0);
        }
        if (isArmed()) elapse();
        expect(both()).toEqual([8192, 8192]);
        expect(["none", "undone"]).toContain(raise("show").onRecord);
        expect(isArmed()).toBe(false);
      },
    );
    expect(points).toBeGreaterThan(9);
  });

  it("apply: undo puts everything back and leaves no timer", () => {
    atEveryPoint(
      "apply",
      () => {},
      () => {
        raise("undo");
        expect(both()).toEqual([8192, 8192]);
        expect(["none", "undone"]).toContain(raise("show").onRecord);
        expect(isArmed() || host.exists(restoreFile)).toBe(false);
      },
    );
  });

  it("apply: another apply finishes it, with a timer of its own and the first values on record", () => {
    atEveryPoint(
      "apply",
      () => {},
      () => {
        const { values, onRecord, restoresAt } = raise("apply");
        expect({ values, onRecord }).toEqual({
          values: raised
            .map(({ setting, before, after }) => ({ setting, before: after, after: before }))
            .reverse(),
          onRecord: "applied",
        });
        expect(restoresAt).toBeGreaterThan(0);
        elapse();
        expect(both()).toEqual([8192, 8192]);
      },
    );
  });

  it("apply, and the host restarts: nothing is left, and another apply begins anew", () => {
    atEveryPoint(
      "apply",
      () => {},
      () => {
        restart();
        for (const file of armedUnits()) rmSync(join(units(), file));
        expect(["none", "undone"]).toContain(raise("show").onRecord);
        expect(raise("undo")).toMatchObject({ status: "unchanged", values: [], restoresAt: 0 });
        expect(raise("apply")).toMatchObject({ status: "changed", onRecord: "applied" });
        expect(raise("undo").status).toBe("changed");
        expect(both()).toEqual([8192, 8192]);
      },
    );
  });

  it("persist: what is said of the restore holds, and undo takes back values and files", () => {
    const points = atEveryPoint(
      "persist",
      () => raise("apply"),
      () => {
        expect(both()).toEqual([65_536, 65_536]);
        const { onRecord, restoresAt } = raise("show");
        expect(["applied", "persisted"]).toContain(onRecord);
        // A timer that could not be stopped any more comes too late.
        if (isArmed()) elapse();
        const kept = restoresAt === 0;
        expect(both()).toEqual(kept ? [65_536, 65_536] : [8192, 8192]);
        expect(raise("undo").status).toBe(kept ? "changed" : "unchanged");
        expect(both()).toEqual([8192, 8192]);
        expect(configured()).toEqual([]);
        expect(isArmed() || host.exists(restoreFile)).toBe(false);
      },
    );
    expect(points).toBeGreaterThan(12);
  });

  it("undo: another undo finishes it", () => {
    atEveryPoint(
      "undo",
      () => {
        raise("apply");
        raise("persist");
      },
      () => {
        raise("undo");
        expect(both()).toEqual([8192, 8192]);
        expect(configured()).toEqual([]);
        expect(raise("show").onRecord).toBe("undone");
      },
    );
  });
});
