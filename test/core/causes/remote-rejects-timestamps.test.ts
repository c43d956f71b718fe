import { describe, expect, test } from "vitest";
import { remoteRejectsTimestamps as cause } from "../../../core/causes/remote-rejects-timestamps.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import type { TimestampProbe } from "../../../core/evidence/probe.ts";
import {
  chanceOf,
  suspectedDestination,
  timestampFinding,
} from "../../../core/evidence/suspected-destination.ts";
import { stripTimestamps } from "../../../core/fixes/strip-timestamps.ts";
import { tellRemoteOwner } from "../../../core/fixes/tell-remote-owner.ts";
import { captured, evidenceOf, withGrowth } from "../captured.ts";

type Table = NonNullable<HostEvidence["table"]>;
const healthy = captured("healthy");
const table = healthy.table as Table;
const to = (address: string, entries: number, port = 443) => ({
  protocol: "tcp",
  natAddress: "10.61.0.1",
  address,
  port,
  entries,
});

/** A host whose table has these entries to some destinations, of which so many are SYNs without an answer. */
function host(
  entries: [address: string, all: number, unanswered: number][],
  sources = ["10.60.0.11", "10.60.0.12"],
): HostEvidence {
  const all = entries.reduce((sum, [, count]) => sum + count, 0);
  return {
    ...healthy,
    conntrack: { ...healthy.conntrack, count: all },
    table: {
      ...table,
      entries: all,
      complete: true,
      destinations: entries.map(([address, count]) => to(address, count)),
      unansweredDestinations: entries
        .map(([address, , count]) => to(address, count))
        .filter((s) => s.entries > 0),
      unrepliedSources: sources.map((source) => [source, 30]),
    },
  };
}
const mixed = host([
  ["203.0.113.7", 300, 120],
  ["203.0.113.8", 200, 0],
]);

const tested = (withSucceeded: number, withoutSucceeded: number): TimestampProbe => ({
  schema: "nat-medic/timestamp-probe/1",
  status: "done",
  reason: "",
  address: "203.0.113.7",
  port: 443,
  withTimestamps: { attempted: 20, succeeded: withSucceeded },
  withoutTimestamps: { attempted: 20, succeeded: withoutSucceeded },
  seconds: 17,
});
const probed = (on: HostEvidence, timestamps: TimestampProbe) => ({
  ...evidenceOf(on),
  probes: { timestamps, fragments: null, unread: [] },
});

test("a destination that answers some and not others is a hypothesis that asks for the active test", () => {
  const judgement = cause.judge(evidenceOf(mixed));
  expect(judgement).toMatchObject({ verdict: "present", confidence: 0.4, severity: "warning" });
  expect(judgement).toMatchObject({ advice: [expect.stringContaining("203.0.113.7 port 443")] });
  expect(suspectedDestination(evidenceOf(mixed))).toEqual({
    address: "203.0.113.7",
    port: 443,
    unanswered: 120,
    answered: 180,
  });
});

test("the active test settles it: lost with timestamps and not without", () => {
  const judgement = cause.judge(probed(mixed, tested(10, 20)));
  expect(judgement).toMatchObject({ verdict: "present", confidence: 0.9, severity: "critical" });
  expect(JSON.stringify(judgement)).toContain("10 of 20 (50 %) with timestamps, 20 of 20 (100 %) without");
});

test("a healthy host has no such destination", () => {
  expect(cause.judge(evidenceOf(healthy)).verdict).toBe("absent");
});

describe("looks alike and is not", () => {
  test.each<[string, HostEvidence]>([
    ["a destination that is down for everybody", host([["203.0.113.7", 300, 300]])],
    ["few entries without an answer", host([["203.0.113.7", 300, 49]])],
    ["few entries with one", host([["203.0.113.7", 149, 100]])],
    ["SYNs on their way to a busy destination", host([["203.0.113.7", 2000, 199]])],
    ["a single client that its destination refuses", host([["203.0.113.7", 300, 120]], ["10.60.0.11"])],
    [
      "many destinations at once: the path, and not one owner",
      host([
        ["203.0.113.7", 300, 120],
        ["203.0.113.8", 300, 120],
        ["203.0.113.9", 300, 120],
      ]),
    ],
    ["a NAT that drops them itself: a full table", withGrowth(mixed, { drop: 40 })],
    [
      "a NAT that drops them itself: its ports are used up",
      withGrowth(mixed, { drop: 40, insert_failed: 40 }),
    ],
  ])("%s", (_what, on) => {
    expect(cause.judge(evidenceOf(on)).verdict).toBe("absent");
  });

  test("a destination that fails with timestamps and without: overloaded", () => {
    expect(cause.judge(probed(mixed, tested(10, 10))).verdict).toBe("absent");
  });
  test("a destination that has recovered: all test connections succeed", () => {
    expect(cause.judge(probed(mixed, tested(20, 20))).verdict).toBe("absent");
  });
});

test("a second source that failed a few times does not make it two", () => {
  const beside = (entries: number) => {
    const table = mixed.table as Table;
    const unrepliedSources: [string, number][] = [
      ["10.60.0.11", 100],
      ["10.60.0.12", entries],
    ];
    return evidenceOf({ ...mixed, table: { ...table, unrepliedSources } });
  };
  expect(cause.judge(beside(9)).verdict).toBe("absent");
  expect(cause.judge(beside(10)).verdict).toBe("present");
});

test("at the edge of its thresholds it is found", () => {
  for (const on of [
    host([["203.0.113.7", 100, 50]]),
    host([["203.0.113.7", 2000, 200]]),
    host([["203.0.113.7", 500, 450]]),
  ])
    expect(cause.judge(evidenceOf(on)).verdict).toBe("present");
});

test("a test that shows too little, was refused, or got nothing through leaves a hypothesis and says so", () => {
  for (const [probe, says] of [
    [tested(17, 20), "too small a difference"],
    [tested(0, 0), "FORWARD"],
    [{ ...tested(0, 0), status: "refused", reason: "a change of this host is under way" }, "under way"],
  ] as const)
    expect(cause.judge(probed(mixed, probe))).toMatchObject({
      verdict: "present",
      confidence: 0.4,
      advice: [expect.stringContaining(says)],
    });
});

test("without a table it is unknown, and without connection tracking nobody was asked", () => {
  const without = { ...healthy, table: null };
  expect(cause.judge(evidenceOf(without))).toEqual({
    verdict: "unknown",
    missing: "the connection table could not be read",
  });
  const untracked = { ...without, conntrack: { ...healthy.conntrack, loaded: false } };
  expect(cause.judge(evidenceOf(untracked))).toMatchObject({ verdict: "unknown", asked: false });
  const unread = { status: "unread", reason: "unreachable", detail: "no agent" } as const;
  expect(cause.judge({ ...evidenceOf(healthy), host: unread }).verdict).toBe("unknown");
});

test.each([
  [10, 20, "confirmed"],
  [13, 20, "confirmed"],
  [14, 20, "unclear"],
  [20, 20, "refuted"],
  [19, 18, "refuted"],
  [10, 10, "failing"],
  [4, 12, "failing"],
  [2, 17, "unclear"],
  [0, 0, "blocked"],
])("%i of 20 with timestamps and %i of 20 without are %s", (withSucceeded, withoutSucceeded, finding) => {
  expect(timestampFinding(tested(withSucceeded, withoutSucceeded))).toBe(finding);
});

test("Fisher's exact test gives the values of the tables", () => {
  // R: fisher.test(matrix(c(7, 13, 0, 20), 2), alternative = "greater")
  expect(chanceOf({ attempted: 20, succeeded: 13 }, { attempted: 20, succeeded: 20 })).toBeCloseTo(
    0.00416,
    5,
  );
  expect(chanceOf({ attempted: 20, succeeded: 20 }, { attempted: 20, succeeded: 20 })).toBe(1);
  // The lady tasting tea: all four right by chance once in seventy.
  expect(chanceOf({ attempted: 4, succeeded: 0 }, { attempted: 4, succeeded: 4 })).toBeCloseTo(1 / 70, 6);
});

test("it counts as better when SYNs of the last seconds are answered; old entries take their time to expire", () => {
  const verify = cause.verify as NonNullable<typeof cause.verify>;
  const lately = (entries: number | null): HostEvidence => ({
    ...mixed,
    table: { ...mixed.table!, unansweredLately: entries === null ? null : [to("203.0.113.7", entries)] },
  });
  expect(verify(lately(30), lately(0)).verdict).toBe("better");
  expect(verify(lately(30), lately(3)).verdict).toBe("better");
  expect(verify(lately(30), lately(4)).verdict).toBe("unchanged");
  expect(verify(lately(30), lately(30)).verdict).toBe("unchanged");
  expect(verify(lately(30), lately(61)).verdict).toBe("worse");
  expect(verify(lately(0), lately(0)).verdict, "nobody tried").toBe("unknown");
  expect(verify(lately(null), lately(0)).verdict, "not told").toBe("unknown");
  expect(verify(lately(30), { ...mixed, table: null }).verdict).toBe("unknown");
  expect(verify(healthy, healthy).verdict).toBe("unknown");
});

test("neither fix is proposed before the active test has confirmed it", () => {
  for (const evidence of [evidenceOf(mixed), probed(mixed, tested(17, 20)), probed(mixed, tested(10, 10))])
    for (const fix of [stripTimestamps, tellRemoteOwner])
      expect(fix.prepare(evidence)).toHaveProperty("impossible");
});

test("the message to the owner holds the figures and the setting to change", () => {
  expect(tellRemoteOwner.prepare(probed(mixed, tested(10, 20)))).toMatchObject({
    action: expect.stringMatching(
      /203\.0\.113\.7 port 443.*Of 20 connections with TCP timestamps 10 were answered, of 20 without them 20.*tcp_tw_recycle=0/,
    ),
    commands: [],
  });
});
