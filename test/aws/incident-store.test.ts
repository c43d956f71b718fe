/**
 * The incident store against a real (embedded) DynamoDB over HTTP. Every test runs twice: with a network that answers,
 * and with one that loses the answer to the first attempt of every write, which the SDK then repeats by itself.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { ChangeResult } from "../../core/change.ts";
import type { Decided, DecisionRequest } from "../../core/decision.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { Incident, Trigger } from "../../core/incident.ts";
import { freshInstance, type KnownTrigger } from "../../core/incident-record.ts";
import { planFor } from "../../core/plan.ts";
import type { StepRecord } from "../../core/step-record.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import { type Dynamodb, startDynamodb } from "../../local/endpoint/dynamodb.ts";
import { type Endpoint, startEndpoint } from "../../local/endpoint/wire.ts";
import { captured, evidenceOf } from "../core/captured.ts";

const table = "nat-medic-incidents";
let dynamodb: Dynamodb;
let endpoint: Endpoint;
let losing = false;
let store: typeof import("../../aws/incident-store.ts");

beforeAll(async () => {
  dynamodb = await startDynamodb([table]);
  const seen = new Set<string>();
  endpoint = await startEndpoint({
    services: [dynamodb.service],
    onCarriedOut: async ({ operation, input }) => {
      const write = `${operation} ${JSON.stringify(input)}`;
      if (!losing || !/^(Put|Update)Item /.test(write) || seen.has(write)) return;
      seen.add(write);
      throw new AwsError("InternalServerError", "the answer is lost", { status: 500 });
    },
  });
  // The store's client reads these when it is first used.
  process.env.AWS_ENDPOINT_URL = endpoint.url;
  process.env.AWS_REGION = "eu-central-1";
  process.env.AWS_ACCESS_KEY_ID = "local";
  process.env.AWS_SECRET_ACCESS_KEY = "local";
});
afterAll(async () => {
  await endpoint.close();
  await dynamodb.close();
});

/** Each test has an instance and an incident of its own, and a client whose patience is not used up by the others. */
let number = 0;
let instanceId: string;
let incident: Incident;
beforeEach(async () => {
  vi.resetModules();
  store = await import("../../aws/incident-store.ts");
  number += 1;
  instanceId = `i-${number.toString(16).padStart(17, "0")}`;
  incident = {
    id: `inc-test-${number}-00000000`,
    instanceId,
    mode: "apply",
    modeReason: "the stack's mode",
    trigger: alarm("conntrack").trigger,
    openedAt: t(0),
    automaticChangesLeft: 3,
    probe: false,
    place: null,
  };
});

/** Minutes after noon. */
const t = (minutes: number) => new Date(Date.UTC(2026, 10, 20, 12, minutes)).toISOString();
const arn = (name: string) =>
  `arn:aws:states:eu-central-1:123456789012:execution:nat-medic-remediate:${name}`;

function alarm(alarmName: string, at = t(0)): KnownTrigger {
  const trigger: Trigger = { kind: "alarm", alarmName, metric: null, reason: "above 80", at };
  return { trigger, joinedAt: at, clearedAt: null };
}

const told = (status: "changed" | "failed" = "changed"): ChangeResult => ({
  status: "told",
  change: {
    schema: "nat-medic/change/1",
    fix: "raise-conntrack-max",
    action: "apply",
    status,
    reason: "",
    values: [{ setting: "net.netfilter.nf_conntrack_max", before: "8192", after: "65536" }],
    files: [],
    notes: [],
    onRecord: "applied",
    restoresAt: 0,
  },
});
const untold: ChangeResult = { status: "untold", detail: "nobody knows" };

const evidence = evidenceOf(captured("conntrack-table-full"));
const diagnosis = diagnose(evidence, { kind: "manual", at: t(0), complaint: false });
const plan = planFor(diagnosis, evidence, { mode: "apply", automaticChangesLeft: 3 });
const stepRecord = (index: number): StepRecord => ({
  step: plan.steps[index]!,
  answer: null,
  skipped: null,
  applied: told(),
  verification: null,
  persisted: null,
  undone: null,
});

const request = (secret: string, changes: Partial<DecisionRequest> = {}): DecisionRequest => ({
  secretHash: secret.repeat(64),
  taskToken: `token-${secret}`,
  fixes: ["raise-conntrack-max"],
  askedAt: t(1),
  expiresAt: t(61),
  decided: null,
  toldAt: null,
  delivered: false,
  ...changes,
});
const answer = (decision: Decided["decision"], by = "Ada"): Decided => ({ decision, by, note: "", at: t(5) });

describe.each([
  ["every answer arrives", false],
  ["the first answer to every write is lost", true],
])("when %s", (_, lost) => {
  beforeAll(() => {
    losing = lost;
  });

  describe("an instance", () => {
    const holder = (name: string, since = t(0)) => ({ incidentId: incident.id, execution: arn(name), since });

    test("nobody has heard of is as fresh as can be", async () => {
      expect(await store.readInstance(table, instanceId)).toEqual(freshInstance);
    });

    test("is taken by one of twenty who want it at once, and all of them learn whose it is", async () => {
      const names = Array.from({ length: 20 }, (_, n) => `taker-${n}`);
      const taken = await Promise.all(
        names.map((name) => store.takeInstance(table, instanceId, holder(name), freshInstance)),
      );
      expect(taken.filter(Boolean)).toHaveLength(1);
      const winner = holder(names[taken.indexOf(true)]!);
      expect(await store.readInstance(table, instanceId)).toMatchObject({ open: winner });
    });

    test("stays with who has it, who may ask again", async () => {
      expect(await store.takeInstance(table, instanceId, holder("one"), freshInstance)).toBe(true);
      expect(await store.takeInstance(table, instanceId, holder("one"), freshInstance)).toBe(true);
      expect(await store.takeInstance(table, instanceId, holder("two"), freshInstance)).toBe(false);
      expect((await store.readInstance(table, instanceId)).open).toEqual(holder("one"));
    });

    test("whose holder is dead is taken over by one of those who saw that", async () => {
      await store.takeInstance(table, instanceId, holder("dead"), freshInstance);
      const seen = await store.readInstance(table, instanceId);
      expect(await store.takeInstance(table, instanceId, holder("heir", t(9)), seen)).toBe(true);
      expect(await store.takeInstance(table, instanceId, holder("late", t(9)), seen)).toBe(false);
      expect((await store.readInstance(table, instanceId)).open).toEqual(holder("heir", t(9)));
    });

    test("is released by its own incident alone, once, and remembers when", async () => {
      await store.takeInstance(table, instanceId, holder("one"), freshInstance);
      await store.releaseInstance(table, instanceId, "inc-somebody-else", t(5));
      expect((await store.readInstance(table, instanceId)).open).not.toBeNull();
      await store.releaseInstance(table, instanceId, incident.id, t(6));
      await store.releaseInstance(table, instanceId, incident.id, t(7));
      expect(await store.readInstance(table, instanceId)).toMatchObject({
        open: null,
        closed: { incidentId: incident.id, at: t(6) },
      });
    });

    test("is not taken on what was read before another incident came and went", async () => {
      await store.takeInstance(table, instanceId, holder("one"), freshInstance);
      await store.releaseInstance(table, instanceId, incident.id, t(6));
      expect(await store.takeInstance(table, instanceId, holder("two"), freshInstance)).toBe(false);
      expect(await store.takeInstance(table, instanceId, holder("one"), freshInstance)).toBe(false);
      const seen = await store.readInstance(table, instanceId);
      expect(await store.takeInstance(table, instanceId, holder("two"), seen)).toBe(true);
    });

    test("counts each automatic change once, as of its first time, and knows the last undo", async () => {
      const change = `${incident.id}/raise-conntrack-max`;
      await store.noteAutomaticChange(table, instanceId, change, t(1));
      await store.noteAutomaticChange(table, instanceId, change, t(2));
      await store.noteAutomaticChange(table, instanceId, `${incident.id}/shorten-conntrack-timeouts`, t(3));
      await store.noteUndo(table, instanceId, t(8));
      await store.noteUndo(table, instanceId, t(4));
      await store.noteUndo(table, instanceId, t(8));
      expect(await store.readInstance(table, instanceId)).toEqual({
        ...freshInstance,
        automaticChanges: { [change]: t(1), [`${incident.id}/shorten-conntrack-timeouts`]: t(3) },
        undoneAt: t(8),
      });
      // What is noted in between is nothing to the lock.
      expect(await store.takeInstance(table, instanceId, holder("one"), freshInstance)).toBe(true);
    });
  });

  describe("an event", () => {
    test("belongs to one execution, which may ask again", async () => {
      expect(await store.claimEvent(table, `event ${number}`, arn("one"))).toBe(true);
      expect(await store.claimEvent(table, `event ${number}`, arn("one"))).toBe(true);
      expect(await store.claimEvent(table, `event ${number}`, arn("two"))).toBe(false);
    });

    test("that is delivered twenty times at once is claimed once", async () => {
      const claims = Array.from({ length: 20 }, (_, n) =>
        store.claimEvent(table, `storm ${number}`, arn(`execution-${n}`)),
      );
      expect((await Promise.all(claims)).filter(Boolean)).toHaveLength(1);
    });

    test("leads from an execution to its incident", async () => {
      const execution = arn(`execution-${number}`);
      expect(await store.whoseExecution(table, execution)).toBeUndefined();
      for (const _ of "twice") {
        await store.rememberExecution(table, execution, { incidentId: incident.id, instanceId });
      }
      expect(await store.whoseExecution(table, execution)).toEqual({ incidentId: incident.id, instanceId });
    });
  });

  describe("the death of an execution", () => {
    const dead = () => arn(`dead-${number}`);
    const aftermath = {
      undo: { undo: "inc-20261121-a1b2c3d4", because: "it was stopped" },
      messages: [{ topicArn: "arn:aws:sns:eu-central-1:123456789012:topic", subject: "s", message: "m" }],
    };

    test("is known from when it is noted, and what is done about it is decided once", async () => {
      expect(await store.isDead(table, dead())).toBe(false);
      await store.noteDeath(table, dead(), t(1));
      await store.noteDeath(table, dead(), t(2));
      expect(await store.isDead(table, dead())).toBe(true);
      expect(await store.readAftermath(table, dead())).toBeUndefined();
      expect(await store.keepAftermath(table, dead(), aftermath)).toEqual(aftermath);
      const other = { undo: null, messages: [] };
      expect(await store.keepAftermath(table, dead(), other)).toEqual(aftermath);
      expect(await store.readAftermath(table, dead())).toEqual(aftermath);
    });

    test("is told by one at a time, by another when that one is given up, and never again once told", async () => {
      await expect(store.beginTelling(table, dead(), t(1), t(0))).rejects.toThrow("has no");
      await store.noteDeath(table, dead(), t(1));
      expect(await store.beginTelling(table, dead(), t(2), t(1))).toBe(true);
      expect(await store.beginTelling(table, dead(), t(3), t(2))).toBe(false);
      expect(await store.beginTelling(table, dead(), t(4), t(3))).toBe(true);
      await store.endTelling(table, dead(), t(4));
      expect(await store.beginTelling(table, dead(), t(9), t(8))).toBe(false);
    });

    test("cannot be decided or told before it is noted", async () => {
      await expect(store.keepAftermath(table, dead(), aftermath)).rejects.toThrow("has no");
      await expect(store.endTelling(table, dead(), t(1))).rejects.toThrow("has no");
    });
  });

  describe("an incident", () => {
    const open = () => store.createIncident(table, incident, arn("one"), alarm("conntrack"));
    const read = async () => (await store.readIncident(table, incident.id))!;

    test("that nobody opened is not there", async () => {
      expect(await store.readIncident(table, incident.id)).toBeUndefined();
    });

    test("whose every step is recorded twice reads as if each had been recorded once", async () => {
      const findings = { at: t(1), evidence, diagnosis, plan };
      const asked = request("a");
      const by = answer("approve");
      const closing = { at: t(30), outcome: "fixed" as const, subject: "fixed", body: "all is well" };
      const writes = [
        open,
        () => store.joinIncident(table, incident.id, "second", alarm("ena", t(2))),
        () => store.keepFindings(table, incident.id, findings),
        () => store.keepRequest(table, incident.id, asked),
        () => store.toldRequest(table, incident.id, asked.secretHash, t(2)),
        () => store.decideRequest(table, incident.id, asked.secretHash, by, t(5)),
        () => store.deliveredRequest(table, incident.id, asked.secretHash),
        () =>
          store.beginAction(table, incident.id, {
            fix: "raise-conntrack-max",
            action: "apply",
            begunAt: t(6),
          }),
        () => store.endAction(table, incident.id, "raise-conntrack-max", "apply", told(), t(7)),
        () => store.clearTrigger(table, incident.id, "conntrack", t(8)),
        () => store.keepStep(table, incident.id, 0, stepRecord(0)),
        () => store.closeIncident(table, incident.id, closing),
      ];
      for (const write of writes) expect(await write()).toEqual(await write());
      expect(await read()).toEqual({
        incident,
        execution: arn("one"),
        status: "closed",
        triggers: [{ ...alarm("conntrack"), clearedAt: t(8) }, alarm("ena", t(2))],
        findings,
        requests: [{ ...asked, toldAt: t(2), decided: by, delivered: true }],
        actions: [
          { fix: "raise-conntrack-max", action: "apply", begunAt: t(6), endedAt: t(7), result: told() },
        ],
        steps: [stepRecord(0)],
        closing,
      });
      // Nor does it matter when all is repeated at the end, by a function that thinks it is the first.
      const before = await read();
      for (const write of writes) await write();
      expect(await read()).toEqual(before);
    });

    test("is not opened again by another execution", async () => {
      await open();
      await expect(store.createIncident(table, incident, arn("two"), alarm("conntrack"))).rejects.toThrow(
        "was opened by another execution",
      );
    });

    test("knows its triggers oldest first, the one that opened it before all", async () => {
      await open();
      await store.joinIncident(table, incident.id, "a later one", alarm("later", t(9)));
      await store.joinIncident(table, incident.id, "b earlier one", alarm("earlier", t(3)));
      const names = (await read()).triggers.map(({ trigger }) => "alarmName" in trigger && trigger.alarmName);
      expect(names).toEqual(["conntrack", "earlier", "later"]);
    });

    test("takes an OK for the triggers of that alarm that came before it", async () => {
      await open();
      await store.joinIncident(table, incident.id, "same", alarm("conntrack", t(10)));
      await store.joinIncident(table, incident.id, "other", alarm("ena", t(1)));
      await store.clearTrigger(table, incident.id, "conntrack", t(5));
      await store.clearTrigger(table, incident.id, "conntrack", t(6));
      expect((await read()).triggers.map(({ clearedAt }) => clearedAt)).toEqual([t(5), null, null]);
    });

    test("remembers when an action was first begun, and what the host told of it", async () => {
      const begin = (begunAt: string) =>
        store.beginAction(table, incident.id, { fix: "raise-conntrack-max", action: "apply", begunAt });
      const end = (result: ChangeResult, at: string) =>
        store.endAction(table, incident.id, "raise-conntrack-max", "apply", result, at);
      await open();
      const begun = {
        fix: "raise-conntrack-max",
        action: "apply",
        begunAt: t(1),
        endedAt: null,
        result: null,
      };
      expect(await begin(t(1))).toEqual(begun);
      expect(await begin(t(2))).toEqual(begun);
      await end(untold, t(3));
      expect(await begin(t(4))).toEqual({ ...begun, endedAt: t(3), result: untold });
      await end(told(), t(5));
      await end(untold, t(6));
      expect((await read()).actions).toEqual([{ ...begun, endedAt: t(5), result: told() }]);
      await expect(
        store.endAction(table, incident.id, "raise-conntrack-max", "undo", told(), t(7)),
      ).rejects.toThrow("has no");
    });

    test("takes one decision on a request, whoever else decides at the same moment", async () => {
      await open();
      await store.keepRequest(table, incident.id, request("b"));
      const { secretHash } = request("b");
      const decisions = Array.from({ length: 20 }, (_, n) =>
        answer(n % 2 === 0 ? "approve" : "reject", `person ${n}`),
      );
      const counted = await Promise.all(
        decisions.map((decided) => store.decideRequest(table, incident.id, secretHash, decided, t(5))),
      );
      expect(counted.filter(Boolean)).toHaveLength(1);
      expect((await read()).requests[0]?.decided).toEqual(decisions[counted.indexOf(true)]);
    });

    test.each<[string, Decided["decision"], string, boolean]>([
      ["a person's answer in the last moment", "approve", "2026-11-20T13:00:59.999Z", true],
      ["a person's answer at the very end", "approve", t(61), false],
      ["the end, written without a fraction", "reject", "2026-11-20T13:01:00Z", false],
      ["the note that nobody answered, after it", "nobody", t(62), true],
      ["the withdrawal of what has lapsed", "withdrawn", t(62), true],
    ])("judges %s", async (_what, decision, now, counts) => {
      await open();
      await store.keepRequest(table, incident.id, request("c"));
      const { secretHash } = request("c");
      expect(await store.decideRequest(table, incident.id, secretHash, answer(decision), now)).toBe(counts);
      expect((await read()).requests[0]?.decided).toEqual(counts ? answer(decision) : null);
    });

    test("has no decision on a request that was never made", async () => {
      await open();
      const { secretHash } = request("d");
      expect(await store.decideRequest(table, incident.id, secretHash, answer("approve"), t(5))).toBe(false);
      await expect(store.deliveredRequest(table, incident.id, secretHash)).rejects.toThrow("has no");
      expect((await read()).requests).toEqual([]);
    });

    test("gives a request a new token, which changes nothing else", async () => {
      await open();
      await store.keepRequest(table, incident.id, request("e"));
      const { secretHash } = request("e");
      await store.decideRequest(table, incident.id, secretHash, answer("reject"), t(5));
      for (const _ of "twice") await store.renewRequest(table, incident.id, secretHash, "token-2");
      const decided = answer("reject");
      expect((await read()).requests).toEqual([{ ...request("e"), taskToken: "token-2", decided }]);
      await expect(store.renewRequest(table, incident.id, "0".repeat(64), "token-3")).rejects.toThrow(
        "has no",
      );
    });

    test("keeps its requests in the order in which they were asked", async () => {
      await open();
      await store.keepRequest(table, incident.id, request("f", { askedAt: t(20) }));
      await store.keepRequest(table, incident.id, request("0", { askedAt: t(30) }));
      await store.keepRequest(table, incident.id, request("9", { askedAt: t(10) }));
      expect((await read()).requests.map(({ askedAt }) => askedAt)).toEqual([t(10), t(20), t(30)]);
    });

    test("closes once; who comes later with the same words learns that they stand, with others that they do not", async () => {
      await open();
      const closing = { at: t(30), outcome: "undone" as const, subject: "undone", body: "it did not help" };
      const close = (changes: Partial<typeof closing> = {}) =>
        store.closeIncident(table, incident.id, { ...closing, ...changes });
      expect([await close(), await close({ at: t(31) }), await close({ body: "died" })]).toEqual([
        true,
        true,
        false,
      ]);
      expect(await read()).toMatchObject({ status: "closed", closing });
      await store.reopenIncident(table, incident.id);
      await store.reopenIncident(table, incident.id);
      expect(await read()).toMatchObject({ status: "open", closing });
      expect(await close({ body: "undone by hand" })).toBe(true);
      expect(await read()).toMatchObject({ status: "closed", closing: { body: "undone by hand" } });
    });

    test("that was never opened is neither closed nor reopened", async () => {
      const closing = { at: t(30), outcome: "failed" as const, subject: "", body: "" };
      await expect(store.closeIncident(table, incident.id, closing)).rejects.toThrow("has no");
      await expect(store.reopenIncident(table, incident.id)).rejects.toThrow("has no");
      expect(await store.readIncident(table, incident.id)).toBeUndefined();
    });
  });
});

describe("what is kept", () => {
  beforeAll(() => {
    losing = false;
  });

  test("may be of several pages, and is read whole and in order", async () => {
    await store.createIncident(table, incident, arn("one"), alarm("conntrack"));
    // More than two pages of a megabyte each; ten comes after nine.
    const long = "x".repeat(200_000);
    const positions = Array.from({ length: 12 }, (_, position) => position);
    for (const position of positions.toReversed()) {
      await store.keepStep(table, incident.id, position, {
        ...stepRecord(0),
        skipped: `${position} ${long}`,
      });
    }
    const before = endpoint.requests().length;
    const { steps } = (await store.readIncident(table, incident.id))!;
    expect(steps.map(({ skipped }) => Number.parseInt(skipped!, 10))).toEqual(positions);
    expect(steps.every(({ skipped }) => skipped?.endsWith(long))).toBe(true);
    const reads = endpoint.requests().slice(before);
    expect(reads.length).toBeGreaterThanOrEqual(3);
    expect(reads.every(({ input }) => Reflect.get(input, "ConsistentRead") === true)).toBe(true);
  });

  test.each([
    ["half a surrogate pair", "cut \ud83d", "cut \ufffd"],
    ["control characters", "a\u0000b\u001b[31m\r\n", "a\u0000b\u001b[31m\r\n"],
    [
      "an expression",
      ":closed = #status OR attribute_exists(pk)",
      ":closed = #status OR attribute_exists(pk)",
    ],
    ["markup", "<script>alert(1)</script> ${jndi:x} {{7*7}} ' OR 1=1", undefined],
    ["nothing", "", ""],
    ["names that objects have", "__proto__", "__proto__"],
    ["every plane of Unicode", "ẞ☃𝔘🏳️‍🌈\u202e", "ẞ☃𝔘🏳️‍🌈\u202e"],
  ])("takes %s for mere text", async (_what, text, kept = text) => {
    const hostile = alarm(text);
    await store.createIncident(table, { ...incident, modeReason: text }, arn("one"), hostile);
    await store.joinIncident(table, incident.id, text, hostile);
    await store.keepRequest(table, incident.id, request("a"));
    const decided = { ...answer("approve", text), note: text };
    const { secretHash } = request("a");
    expect(await store.decideRequest(table, incident.id, secretHash, decided, t(5))).toBe(true);
    await store.clearTrigger(table, incident.id, kept, t(5));
    const record = (await store.readIncident(table, incident.id))!;
    expect(record.incident.modeReason).toBe(kept);
    expect(record.triggers).toHaveLength(2);
    for (const { trigger, clearedAt } of record.triggers) {
      expect({ trigger, clearedAt }).toMatchObject({ trigger: { alarmName: kept }, clearedAt: t(5) });
    }
    expect(record.requests[0]?.decided).toEqual({ ...decided, by: kept, note: kept });
    expect(await store.claimEvent(table, `${text} ${number}`, arn("one"))).toBe(true);
    expect(await store.claimEvent(table, `${text} ${number}`, arn("two"))).toBe(false);
  });

  test("is forgotten in time: every item says when", async () => {
    const days = (item: Record<string, { N?: string | undefined }>) =>
      Math.round((Number(item.ttl?.N) - Date.now() / 1000) / 86_400);
    const items = await dynamodb.scan(table);
    const shortLived = (pk = "", sk = "") => pk.startsWith("event/") || sk.startsWith("change/");
    expect(items.length).toBeGreaterThan(100);
    for (const item of items) {
      expect(days(item as never)).toBe(shortLived(item.pk?.S, item.sk?.S) ? 2 : store.keepDays);
    }
  });
});
