/**
 * The restore on a real kernel: armed by systemd in one guest, by a process of its own session in another, and what a
 * host says of a change after it was killed half way or restarted. What runs is the text of the documents.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { HostChange } from "../../core/change.ts";
import { buildDocument } from "../../host/documents.ts";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { qemuHost } from "../../local/qemu/qemu-host.ts";
import { type Agent, hostCommand } from "../../local/run-command/agent.ts";

const missing = whyNoLab();
if (missing !== undefined) {
  if (process.env.NAT_MEDIC_LAB === "required") throw new Error(missing);
  console.warn(`SKIPPED, the restore on a real kernel: ${missing}`);
}

const incident = "inc-20261121-a1b2c3d4";
const changes = {
  raise: { document: "NatMedic-RaiseConntrackMax", ConntrackMax: "65536", Buckets: "65536" },
  shorten: { document: "NatMedic-ShortenConntrackTimeouts", EstablishedSeconds: "86400" },
  randomize: { document: "NatMedic-ChangeFirewallRules", Fix: "randomize-source-ports", Interface: "wan0" },
  neighbours: {
    document: "NatMedic-SetKernelParameters",
    Fix: "raise-neighbour-limits",
    Changes: "net.ipv4.neigh.default.gc_thresh3=4096",
  },
};
type Change = keyof typeof changes;
const old = { max: 8192, buckets: 8192, established: 432_000 };

/** Prints every file, process and unit of a restore. */
const armed = `ls /var/lib/nat-medic/*/ | grep restore; ps axww -o args | grep '[r]estore' || true
[ ! -d /run/systemd/system ] || systemctl list-units --all --plain --no-legend 'nat-medic*'`;

function hands(guest: () => Guest, agent: Agent) {
  /** What the host answers; undefined when the command was killed. Seconds below 60 are for tests alone. */
  async function ask(
    change: Change,
    action: string,
    more: Record<string, string> = {},
    environment: Record<string, string> = {},
  ) {
    const { document: name, ...parameters } = changes[change];
    const document = buildDocument(name);
    const given = { Action: action, IncidentId: incident, ...parameters, ...more };
    const defaults = Object.entries(document.parameters).map(([key, { default: usual }]) => [key, usual]);
    const command = hostCommand({
      name,
      document,
      values: { ...Object.fromEntries(defaults), ...given },
      instanceId: "i-0a1b2c3d4e5f67890",
      region: "eu-central-1",
      agent,
    });
    const answer = await qemuHost(guest()).run({
      ...command,
      environment: { ...command.environment, ...environment },
    });
    if (answer.kind !== "exited") throw new Error(`the command ${answer.kind}`);
    if (answer.exitCode === 128 + 9) return undefined;
    return HostChange.parse(JSON.parse(answer.stdout));
  }
  /**
   * Applies, and SIGKILLs the process group as the agent does, at the first `cat` that finds `condition` true.
   * @returns what was armed at that moment
   */
  async function killWhen(condition: string, change: Change, more: Record<string, string> = {}) {
    await guest().must(`mkdir -p /run/killer && cat > /run/killer/cat && chmod +x /run/killer/cat`, {
      stdin: `#!/bin/sh
read -r pid name state parent group rest < /proc/$$/stat
if ${condition}; then
  { ${armed}; } > /run/armed
  kill -KILL "-$group"
fi
exec /bin/cat "$@"
`,
    });
    const PATH = "/run/killer:/usr/sbin:/usr/bin:/sbin:/bin";
    expect(await ask(change, "apply", more, { PATH }), `${change} killed when ${condition}`).toBeUndefined();
    // What it armed has the same PATH.
    return await guest().must("rm -r /run/killer; cat /run/armed");
  }
  const net = "/proc/sys/net/netfilter";
  async function now() {
    const files = `${net}/nf_conntrack_max ${net}/nf_conntrack_buckets ${net}/nf_conntrack_tcp_timeout_established`;
    const [max, buckets, established] = (await guest().must(`cat ${files}`)).trim().split("\n").map(Number);
    return { max, buckets, established };
  }
  const rules = () => guest().must("iptables -t nat -S; cat /proc/sys/net/ipv4/neigh/default/gc_thresh3");
  const left = () => guest().must(armed);
  const patience = { timeout: 60_000, interval: 500 };
  return { ask, killWhen, now, rules, left, patience };
}
/** Between the two writes of raise-conntrack-max. */
const halfWay =
  '[ "$(/bin/cat /proc/sys/net/netfilter/nf_conntrack_buckets)" = 65536 ] && [ "$(/bin/cat /proc/sys/net/netfilter/nf_conntrack_max)" = 8192 ]';
/** When it has set the timeout, and not yet written down that it did. */
const unrecorded = `[ "$(/bin/cat /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established)" = 86400 ]`;

describe.skipIf(missing !== undefined)("with systemd as process 1", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest({ init: "systemd" });
  });
  afterAll(() => guest?.stop());
  const { ask, killWhen, now, rules, left, patience } = hands(() => guest, "current");

  it("a fix that is killed half way and never heard of again is put back", async () => {
    const unit = `nat-medic-restore-${incident}`;
    const soon = { RestoreAfterSeconds: "2" };
    expect(await killWhen(halfWay, "raise", soon)).toContain(`${unit}-raise-conntrack-max.`);
    expect(await killWhen(unrecorded, "shorten", soon)).toContain(`${unit}-shorten-conntrack-timeouts.`);
    await expect.poll(now, patience).toEqual(old);
    await expect.poll(left, patience).toBe("");
    for (const change of ["raise", "shorten"] as const) {
      expect(await ask(change, "show")).toMatchObject({ onRecord: "undone", restoresAt: 0 });
    }
    const journal = await guest.must("journalctl -o cat -t nat-medic --no-pager");
    expect(journal.trim().split("\n").sort()).toEqual([
      `${incident} raise-conntrack-max: nobody has kept the change in time, undo: changed  nf_conntrack_buckets 65536 -> 8192`,
      `${incident} shorten-conntrack-timeouts: nobody has kept the change in time, undo: changed  nf_conntrack_tcp_timeout_established 86400 -> 432000`,
    ]);
    expect(await ask("raise", "persist")).toMatchObject({
      status: "refused",
      reason: expect.stringContaining("the host has put this back at"),
    });
  });

  it("a fix that is kept in time stays, and nothing is left that could come later", async () => {
    expect(await ask("raise", "apply")).toMatchObject({ status: "changed", onRecord: "applied" });
    expect(await left()).toContain("raise-conntrack-max.timer");
    expect(await ask("raise", "persist")).toMatchObject({ status: "changed", onRecord: "persisted" });
    expect(await left()).toBe("");
    expect(await now()).toMatchObject({ max: 65_536, buckets: 65_536 });
    expect(await ask("raise", "undo")).toMatchObject({ status: "changed", onRecord: "undone" });
    expect(await now()).toEqual(old);
    expect(await left()).toBe("");
  });

  it.each(["randomize", "neighbours"] as const)(
    "%s: what nobody keeps is put back to the letter",
    async (change) => {
      const before = await rules();
      expect(await ask(change, "apply", { RestoreAfterSeconds: "2" })).toMatchObject({
        status: "changed",
        reason: "",
      });
      await expect.poll(rules, patience).toBe(before);
      await expect.poll(left, patience).toBe("");
      expect(await ask(change, "show")).toMatchObject({ onRecord: "undone", restoresAt: 0 });
    },
  );

  it("a rule that is kept comes again after a restart, by a unit of its own, until it is undone", async () => {
    const before = await rules();
    expect(await ask("randomize", "apply")).toMatchObject({ status: "changed" });
    const applied = await rules();
    expect(applied).toContain("-j MASQUERADE --random-fully");
    expect(await ask("randomize", "persist")).toMatchObject({ status: "changed", onRecord: "persisted" });
    await guest.reboot();
    // The guest boots to less than that.
    await guest.must("systemctl start --no-block multi-user.target");
    await expect.poll(rules, patience).toBe(applied);
    expect(await ask("randomize", "undo")).toMatchObject({ status: "changed", onRecord: "undone" });
    expect(await rules()).toBe(before);
    expect(
      await guest.must("find /etc -name '*nat-medic*'; systemctl list-units --all 'nat-medic*'"),
    ).not.toMatch(/nat-medic/);
  });
});

describe.skipIf(missing !== undefined)("with another process 1", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest();
  });
  afterAll(() => guest?.stop());
  const { ask, killWhen, now, left, patience } = hands(() => guest, "old");

  it("a process of its own session puts back what was killed half way", async () => {
    const then = await killWhen(halfWay, "raise", { RestoreAfterSeconds: "2" });
    expect(then).toContain(`${incident}/raise-conntrack-max.restore.sh`);
    await expect.poll(now, patience).toEqual(old);
    await expect.poll(left, patience).toBe("");
    expect(await ask("raise", "show")).toMatchObject({ onRecord: "undone", restoresAt: 0 });
  });

  it("a restart in the middle leaves the old values, and the record says so", async () => {
    await killWhen(halfWay, "raise");
    expect(await ask("raise", "show")).toMatchObject({
      onRecord: "applying",
      values: [
        { setting: "net.netfilter.nf_conntrack_buckets", before: "8192", after: "65536" },
        { setting: "net.netfilter.nf_conntrack_max", before: "8192", after: "8192" },
      ],
    });
    const applied = await ask("shorten", "apply");
    expect(applied).toMatchObject({ status: "changed", onRecord: "applied" });
    expect((applied?.restoresAt ?? 0) - Date.now() / 1000).toBeGreaterThan(800);
    expect(await left()).toContain(`${incident}/shorten-conntrack-timeouts.restore.sh`);
    await guest.reboot();
    expect(await now()).toEqual(old);
    for (const change of ["raise", "shorten"] as const) {
      const reason = "this host has restarted since, which undid the change";
      expect(await ask(change, "show")).toMatchObject({ onRecord: "undone", restoresAt: 0, notes: [reason] });
      expect(await ask(change, "undo")).toMatchObject({ status: "unchanged", reason, onRecord: "undone" });
    }
    expect(await ask("shorten", "persist")).toMatchObject({ status: "refused", onRecord: "undone" });
    expect(await ask("raise", "apply")).toMatchObject({
      status: "changed",
      values: [
        { before: "8192", after: "65536" },
        { before: "8192", after: "65536" },
      ],
      onRecord: "applied",
    });
    expect(await ask("raise", "undo")).toMatchObject({ status: "changed", onRecord: "undone" });
    expect(await now()).toEqual(old);
    expect(await left()).toBe("");
  });
});
