/**
 * Some scenarios all the way on a real kernel: brought about, diagnosed, fixed, verified by real connections, undone, and
 * the one with the most in it through reboots. One guest serves all of them.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { ChangeResult } from "../../core/change.ts";
import { statusOf } from "../../core/step-record.ts";
import { spliceScript } from "../../host/documents.ts";
import { type DrillResult, runDrill } from "../../local/drill.ts";
import { decideOnPage, pageLink } from "../../local/page-visitor.ts";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { qemuHost } from "../../local/qemu/qemu-host.ts";
import { resetLab } from "../../local/qemu/topology.ts";
import { stageOn } from "../../local/qemu-stage.ts";
import { readScenario, startingEvent } from "../../local/scenario.ts";
import { type LocalStack, startLocalStack, topicArn } from "../../local/stack.ts";
import type { Execution } from "../../local/states/execution.ts";
import { allTheWay } from "./all-the-way.ts";

const missing = whyNoLab();
if (missing !== undefined) {
  if (process.env.NAT_MEDIC_LAB === "required") throw new Error(missing);
  console.warn(`SKIPPED, the lab on a real kernel: ${missing}`);
}

const settings = {
  max: "/proc/sys/net/netfilter/nf_conntrack_max",
  buckets: "/proc/sys/net/netfilter/nf_conntrack_buckets",
  established: "/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established",
};

describe.skipIf(missing !== undefined)("on a real kernel", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest({ memoryMiB: 1024 });
  });
  afterAll(async () => {
    await guest?.stop();
  });

  const now = async () => {
    const values = (await guest.must(`cat ${Object.values(settings).join(" ")}`)).trim().split("\n");
    return Object.fromEntries(Object.keys(settings).map((name, index) => [name, Number(values[index])]));
  };
  const play = async (
    id: string,
  ): Promise<DrillResult & { found: Record<string, number>; during: number; after: number }> => {
    const scenario = readScenario(id);
    await resetLab(guest);
    const stage = await stageOn(guest, scenario);
    expect(stage.before.succeeded, "connections before the trouble").toBe(stage.before.attempted);
    const found = await now();
    const result = await runDrill({
      stage,
      event: startingEvent(scenario, scenario.mode),
      mode: scenario.mode,
      person: async () => "approve",
    });
    const { attempted, succeeded } = await stage.after();
    return {
      ...result,
      found,
      during: stage.during.succeeded / stage.during.attempted,
      after: succeeded / attempted,
    };
  };
  /** Undoes what an incident changed, last first, as the state machine would. */
  const undo = async ({ incident, steps }: DrillResult) => {
    const instances = { [incident!.instanceId]: { host: qemuHost(guest), type: "t3.micro" as const } };
    const stack = await startLocalStack({ instances, mode: "apply", approvalSeconds: 60 });
    try {
      for (const { step, applied } of [...steps].reverse()) {
        if (applied === null) continue;
        const undone = z.parse(ChangeResult, await stack.invoke("undo-fix", { incident, step, undo: null }));
        expect(undone, step.fix).toMatchObject({ status: "told", change: { status: "changed" } });
      }
    } finally {
      await stack.stop();
    }
  };

  test.each(allTheWay)("%s, all the way", async (id) => {
    const { expect: expected } = readScenario(id);
    const result = await play(id);
    const [leading = null, ...contributing] = result.diagnosis!.causes.map((cause) => cause.id);
    expect(
      { outcome: result.outcome, leading, contributing: contributing.sort() },
      result.messages.at(-1)?.message,
    ).toEqual({
      outcome: expected.outcome,
      leading: expected.leading,
      contributing: [...expected.contributing].sort(),
    });
    const inForce = result.steps
      .filter((record) => statusOf(record) === "in-force")
      .map(({ step }) => step.fix);
    expect(inForce).toEqual(expected.fixes);
    expect(result.after, "share of new connections at the end").toBe(1);
    const failing = readScenario(id).expect.leading;
    if (failing !== null && result.diagnosis?.causes[0]?.severity === "critical") {
      expect(result.during, "share of new connections in trouble").toBeLessThan(0.95);
    }
    expect(result.messages.at(-1)?.subject).toContain(expected.outcome === "fixed" ? "fixed" : "healthy");

    // The one with the most in it also goes through reboots: in force after the first, gone after the second.
    const reboots = id === "conntrack-table-full";
    const fixed = await now();
    if (reboots) {
      expect(fixed).not.toEqual(result.found);
      await guest.reboot();
      expect(await now(), "settings after a reboot").toEqual(fixed);
    }
    await undo(result);
    expect(await now(), "settings after the undo").toEqual(result.found);
    expect(await guest.must("ls /etc/sysctl.d /etc/modprobe.d /etc/modules-load.d")).not.toContain(
      "nat-medic",
    );
    if (reboots) {
      await guest.reboot();
      expect(await now(), "settings after the undo and a reboot").toEqual(result.found);
    }
  });

  /** An execution on the guest as it is, approved on the page; `at` is called at the entry of every state. */
  const trusted = async (
    at: (state: string, execution: Execution) => void,
    begin: (stack: LocalStack) => Promise<void>,
  ) => {
    const mails: string[] = [];
    const stack = await startLocalStack({
      instances: { "i-0a1b2c3d4e5f67890": { host: qemuHost(guest), type: "t3.micro" } },
      mode: "approve",
      approvalSeconds: 600,
      onEvent: ({ type, state }, name) => {
        const execution = stack.executions().find((each) => each.name === name);
        if (type === "StateEntered" && state !== undefined && execution !== undefined) at(state, execution);
      },
      onPublish: ({ topicArn: to, subject, message }) => {
        if (to !== topicArn) return;
        mails.push(subject ?? "");
        const link = pageLink.exec(message)?.[0];
        // A moment later: the machine waits for the answer once the function has returned.
        if (link !== undefined) setTimeout(() => void decideOnPage(link, "approve", "lab"), 1000);
      },
    });
    try {
      await begin(stack);
      return mails;
    } finally {
      await stack.stop();
    }
  };
  const byHand = { instanceId: "i-0a1b2c3d4e5f67890", mode: "approve" };

  test("approved on the page, and undone later by hand, but not what somebody else has changed since", async () => {
    await resetLab(guest);
    await stageOn(guest, readScenario("conntrack-hash-undersized"));
    const found = await now();
    const mails = await trusted(
      () => {},
      async (stack) => {
        const execution = stack.start(byHand);
        expect((await execution.finished).output).toMatchObject({ outcome: "fixed" });
        const { incident, requests } = (await stack.incidentOf(execution.arn))!;
        expect(requests).toMatchObject([{ decided: { decision: "approve", note: "lab" }, delivered: true }]);
        const fixed = await now();
        expect(fixed).not.toEqual(found);
        expect(await guest.must("ps axww -o args"), "the restore is cancelled").not.toContain("restore.sh");

        await guest.must(`echo ${2 * fixed.buckets!} > /proc/sys/net/netfilter/nf_conntrack_buckets`);
        const undone = async (force: boolean) =>
          (await stack.start({ undo: incident.id, ...(force && { force }) }).finished).output;
        expect(await undone(false)).toMatchObject({ outcome: "refused" });
        expect(await now()).toEqual({ ...fixed, buckets: 2 * fixed.buckets! });
        expect(await undone(true)).toMatchObject({ outcome: "undone" });
        expect(await now()).toEqual(found);
      },
    );
    expect(mails).toHaveLength(4);
  });

  test("an execution that is aborted before it has verified its change leaves the host as it found it", async () => {
    await resetLab(guest);
    await stageOn(guest, readScenario("conntrack-hash-undersized"));
    const found = await now();
    const mails = await trusted(
      (state, execution) => {
        if (state === "VerifyFix") execution.stop();
      },
      async (stack) => {
        const execution = stack.start(byHand);
        expect(await execution.finished).toMatchObject({ status: "ABORTED" });
        expect(await now(), "changed, and not verified").not.toEqual(found);
        await stack.settled();
        await Promise.all(stack.executions().map(({ finished }) => finished));
        expect(await now()).toEqual(found);
        expect(await stack.instance("i-0a1b2c3d4e5f67890")).toMatchObject({ open: null });
        expect(await guest.must("ps axww -o args"), "the restore is cancelled").not.toContain("restore.sh");
      },
    );
    // The question, the word that it was stopped, and the end of the undo.
    expect(mails).toHaveLength(3);
    expect(mails[1]).toContain("stopped");
  });

  test("in propose mode nothing changes, and the commands that are proposed do what they say, both ways", async () => {
    await resetLab(guest);
    const stage = await stageOn(guest, readScenario("conntrack-table-full"));
    const before = await now();
    const files = "cd / && find etc var/lib/nat-medic -type f 2>/dev/null | sort | xargs md5sum";
    const filesBefore = await guest.must(files);
    const result = await runDrill({
      stage,
      event: { instanceId: "i-0a1b2c3d4e5f67890", mode: "propose" },
      mode: "apply",
      person: async () => "approve",
    });
    expect(result.outcome).toBe("proposed");
    expect(await now()).toEqual(before);
    expect(await guest.must(files)).toBe(filesBefore);

    const [raise, shorten, limit] = result.plan!.steps;
    await guest.put(
      "/root/shorten-conntrack-timeouts.sh",
      spliceScript("host/shorten-conntrack-timeouts.sh"),
    );
    const report = JSON.parse(await guest.must(`cd /root\n${shorten!.commands.join("\n")}`));
    expect(report).toMatchObject({ status: "changed", notes: [expect.stringMatching(/^re-timed \d{4} /)] });
    expect(await now()).toMatchObject({ established: Number(shorten!.parameters.EstablishedSeconds) });
    await guest.must(shorten!.undo.join("\n"));

    await guest.must(raise!.commands.join("\n"));
    expect(await now()).toMatchObject({
      max: Number(raise!.parameters.ConntrackMax),
      buckets: Number(raise!.parameters.Buckets),
    });
    await guest.must(limit!.commands.join("\n"));
    expect(await guest.must("iptables -S FORWARD")).toContain("connlimit-above");
    await guest.must(limit!.undo.join("\n"));
    expect(await guest.must("iptables -S FORWARD")).not.toContain("connlimit");
    await guest.must("ip netns exec client1 pkill -f traffic || true; sleep 1; conntrack -F >/dev/null 2>&1");
    await guest.must(raise!.undo.join("\n"));
    expect(await now()).toEqual(before);
  });
});
