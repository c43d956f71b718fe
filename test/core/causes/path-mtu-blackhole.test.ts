import { expect, test } from "vitest";
import { pathMtuBlackhole } from "../../../core/causes/path-mtu-blackhole.ts";
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { evidenceOf } from "../captured.ts";
import { natHost, rule, withCounters, withEntries, withRules } from "./nat-host.ts";

const judge = (host: HostEvidence) => pathMtuBlackhole.judge(evidenceOf(host));
/** In five seconds. */
const failing = (tooLarge: number, forwarded: number, established = 60, stalled = 0): HostEvidence => {
  const host = withCounters(natHost, { "ip.FragFails": tooLarge, "ip.ForwDatagrams": forwarded });
  if (host.table === null) throw new Error("a table is expected");
  return withEntries(host, {
    tcpStates: { ESTABLISHED: established },
    establishedIdle: { ...host.table.establishedIdle, shortTimer: stalled },
  });
};

test("packets that mostly fail to fit are a black hole", () => {
  expect(judge(failing(800, 300))).toMatchObject({
    verdict: "present",
    confidence: 0.85,
    severity: "critical",
  });
});

test("a few hanging uploads among much that works are found by what they leave unacknowledged", () => {
  expect(judge(failing(300, 4_000, 60, 30))).toMatchObject({ verdict: "present", confidence: 0.7 });
  expect(judge(failing(300, 4_000, 60, 9)).verdict).toBe("absent");
  expect(judge(failing(300, 4_000, 60, 11)).verdict).toBe("absent");
  expect(judge(failing(200, 4_000, 60, 30)).verdict).toBe("absent");
});

test("path MTU discovery at work is not a black hole", () => {
  // 36 uploads of 20 kB, each to a destination of its own: ten packets fail, and then the upload goes on.
  expect(judge(failing(360, 1_200)).verdict).toBe("absent");
  // Large uploads, all in flight.
  expect(judge(failing(360, 25_000, 60, 60)).verdict).toBe("absent");
});

test("no more than all connections' discovery can need is not a finding", () => {
  // 3,000 connections may each have ten packets too large in ten minutes: fifty a second.
  expect(judge(failing(250, 100, 3_000)).verdict).toBe("absent");
  expect(judge(failing(251, 100, 3_000)).verdict).toBe("present");
});

test("less than one a second is not a finding", () => {
  expect(judge(failing(4, 0, 0)).verdict).toBe("absent");
  expect(judge(failing(5, 0, 0)).verdict).toBe("present");
});

test("with the segment size clamped it is not TCP", () => {
  expect(judge(withRules(failing(800, 300), [rule], { clampsMss: true })).verdict).toBe("absent");
});

test("statistics that could not be read are unknown", () => {
  expect(judge({ ...natHost, counters: {} }).verdict).toBe("unknown");
});

test("a fix helped when new connections no longer add to it", () => {
  const before = failing(800, 300);
  expect(pathMtuBlackhole.verify?.(before, failing(0, 900)).verdict).toBe("better");
  expect(pathMtuBlackhole.verify?.(before, failing(300, 900)).verdict).toBe("better");
  expect(pathMtuBlackhole.verify?.(before, failing(500, 900)).verdict).toBe("unchanged");
  expect(pathMtuBlackhole.verify?.(before, failing(1_700, 900)).verdict).toBe("worse");
});
