import { expect, test } from "vitest";
import { timelineOf } from "../../core/timeline.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

test("an approved incident is told from its alarm to its closing, each change with its values", () => {
  expect(timelineOf(fixedIncident()).map(({ at, what }) => `${at.slice(11, 19)} ${what}`)).toEqual([
    "03:12:50 opened by the alarm nat-a-conntrack-utilization",
    "03:13:00 diagnosed: conntrack-table-full, conntrack-timeouts-too-long, conntrack-heavy-hitter",
    "03:13:01 asked people about raise-conntrack-max, shorten-conntrack-timeouts, until 2026-11-20 07:13:01 UTC",
    "03:20:00 approved by Ana, 192.0.2.7, who says: go ahead, I watch",
    "03:21:02 raise-conntrack-max applied, nf_conntrack_buckets 8192 -> 65536, nf_conntrack_max 8192 -> 65536",
    "03:23:02 raise-conntrack-max made to last",
    "03:24:02 shorten-conntrack-timeouts applied, nf_conntrack_tcp_timeout_established 432000 -> 86400",
    "03:26:02 shorten-conntrack-timeouts made to last",
    "03:27:00 closed: fixed",
  ]);
});

test("alarms that join and clear have their own lines, in the order of time", () => {
  const record = askedIncident();
  const [first] = record.triggers;
  const joined = {
    trigger: {
      ...record.incident.trigger,
      alarmName: "nat-a-ena-conntrack",
    } as typeof record.incident.trigger,
    joinedAt: "2026-11-20T03:14:00.000Z",
    clearedAt: "2026-11-20T03:16:00.000Z",
  };
  const triggers = [{ ...first!, clearedAt: "2026-11-20T03:15:00.000Z" }, joined];
  expect(timelineOf({ ...record, triggers }).slice(-3)).toEqual([
    { at: "2026-11-20T03:14:00.000Z", what: "the alarm nat-a-ena-conntrack joined" },
    { at: "2026-11-20T03:15:00.000Z", what: "the alarm nat-a-conntrack-utilization cleared" },
    { at: "2026-11-20T03:16:00.000Z", what: "the alarm nat-a-ena-conntrack cleared" },
  ]);
});

test("a decision without a time stays right behind its question", () => {
  const record = fixedIncident();
  record.requests = record.requests.map((request) => ({
    ...request,
    decided: { ...request.decided!, at: "" },
  }));
  const lines = timelineOf(record).map(({ what }) => what.split(" ")[0]);
  expect(lines.slice(2, 4)).toEqual(["asked", "approved"]);
});

test.each([
  [
    { status: "untold" as const, detail: "the agent is\u001b[31m gone" },
    "undo sent, its result is not known: the agent is 31m gone",
  ],
  [null, "undo sent, no answer on record"],
])("an undo that ended as %j is told as far as it is known", (result, told) => {
  const record = fixedIncident();
  const undo = {
    fix: "raise-conntrack-max" as const,
    action: "undo" as const,
    begunAt: "2026-11-20T05:00:00.000Z",
    endedAt: result === null ? null : "2026-11-20T05:00:09.000Z",
    result,
  };
  expect(timelineOf({ ...record, actions: [...record.actions, undo] }).at(-1)?.what).toBe(
    `raise-conntrack-max: ${told}`,
  );
});

test("what people and alarms are called cannot bring control characters or a second line", () => {
  const hostile = "\u001b]0;x\u0007\nclosed: fixed\r\u202e";
  const record = askedIncident({
    decision: "approve",
    by: hostile,
    note: hostile,
    at: "2026-11-20T03:20:00.000Z",
  });
  const trigger = { ...record.incident.trigger, alarmName: hostile } as typeof record.incident.trigger;
  record.triggers = [{ trigger, joinedAt: record.incident.openedAt, clearedAt: null }];
  for (const { what } of timelineOf(record)) expect(what).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});
