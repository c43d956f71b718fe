import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../core/diagnosis.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { fixes } from "../../core/fixes.ts";
import type { Mode } from "../../core/mode.ts";
import { planFor, review, stepsToAsk } from "../../core/plan.ts";
import { bytesPerEntry, shareOfMemory, tableSizeFor } from "../../core/table-size.ts";
import { buildDocument } from "../../host/documents.ts";
import { byHand, captured, evidenceOf, withTable } from "./captured.ts";

const full = captured("conntrack-table-full");
const plan = (host: HostEvidence, mode: Mode = "apply", automaticChangesLeft = 3) => {
  const evidence = evidenceOf(host);
  return planFor(diagnose(evidence, byHand), evidence, { mode, automaticChangesLeft });
};
const decisions = (mode: Mode) =>
  Object.fromEntries(plan(full, mode).steps.map(({ fix, decision }) => [fix, decision]));

test("a full table of idle connections of one host gets room first, then shorter timeouts, then a word with the host", () => {
  expect(plan(full).steps.map(({ fix }) => fix)).toEqual([
    "raise-conntrack-max",
    "shorten-conntrack-timeouts",
    "limit-source-connections",
  ]);
});

test("a fix that serves several causes is one step, verified by the first of them", () => {
  expect(plan(full).steps[0]?.causes).toEqual(["conntrack-table-full", "conntrack-heavy-hitter"]);
});

test("what each mode allows", () => {
  expect(decisions("propose")).toEqual({
    "raise-conntrack-max": "propose",
    "shorten-conntrack-timeouts": "propose",
    "limit-source-connections": "propose",
  });
  expect(decisions("approve")).toEqual({
    "raise-conntrack-max": "ask",
    "shorten-conntrack-timeouts": "ask",
    "limit-source-connections": "propose",
  });
  expect(decisions("apply")).toEqual({
    "raise-conntrack-max": "apply",
    "shorten-conntrack-timeouts": "ask",
    "limit-source-connections": "propose",
  });
});

test("beyond what the circuit breaker leaves, a change is only written down, and says why", () => {
  const [raise] = plan(full, "apply", 0).steps;
  expect(raise).toMatchObject({
    decision: "propose",
    decisionReason: expect.stringContaining("circuit breaker"),
  });
  expect(plan(full, "apply", 1).steps[0]).toMatchObject({ decision: "apply", decisionReason: "" });
  expect(plan(full, "approve", 0).steps[0]).toMatchObject({ decision: "ask" });
});

test("one question covers everything that needs an answer from here on", () => {
  const fixesAsked = (mode: Mode, position: number) =>
    stepsToAsk(plan(full, mode), position).map(({ fix }) => fix);
  expect(fixesAsked("approve", 0)).toEqual(["raise-conntrack-max", "shorten-conntrack-timeouts"]);
  expect(fixesAsked("approve", 1)).toEqual(["shorten-conntrack-timeouts"]);
  expect(fixesAsked("apply", 0)).toEqual(["shorten-conntrack-timeouts"]);
  expect(fixesAsked("propose", 0)).toEqual([]);
});

describe("when a step's turn comes", () => {
  const [raise, shorten] = plan(full).steps;

  test("it is done while the host is as the plan found it", () => {
    expect(review(raise!, evidenceOf(full))).toEqual({ due: true });
    expect(review(shorten!, evidenceOf(full))).toEqual({ due: true });
  });
  test("free memory that moved a little does not change what was agreed to", () => {
    const { availableKiB } = full.memory;
    const host = { ...full, memory: { ...full.memory, availableKiB: availableKiB - 5_000 } };
    expect(review(raise!, evidenceOf(host))).toEqual({ due: true });
  });
  test("it is left out when somebody has changed the value meanwhile", () => {
    const host = withTable(full, { max: full.conntrack.max! * 2, count: full.conntrack.max! * 2 });
    expect(review(raise!, evidenceOf(host))).toEqual({
      due: false,
      reason: expect.stringContaining("no longer"),
    });
  });
  test("it is left out when the table has room by itself", () => {
    const host = withTable(full, { count: 10, buckets: full.conntrack.max! });
    expect(review(raise!, evidenceOf(host))).toEqual({ due: false, reason: expect.stringContaining("room") });
  });
  test("it is left out when the host cannot be read again", () => {
    const unread = {
      ...evidenceOf(full),
      host: { status: "unread" as const, reason: "unreachable" as const, detail: "gone" },
    };
    expect(review(raise!, unread)).toEqual({ due: false, reason: expect.stringContaining("gone") });
  });
});

test("every step says what it needs, does, reaches, is verified by and how it is undone", () => {
  for (const step of plan(full).steps) {
    for (const text of [step.precondition, step.effect, step.blastRadius, step.verifiedBy, step.undoing]) {
      expect(text, step.fix).toMatch(/^[A-Z0-9].{10,}\.$/s);
    }
  }
});

test("what cannot be undone to the letter is never low risk", () => {
  for (const { id, risk, undoing } of Object.values(fixes)) {
    if (!undoing.startsWith("Exact:")) expect(risk, id).not.toBe("low");
  }
});

test("a healthy host gets no plan", () => {
  expect(plan(captured("healthy"))).toEqual({ steps: [], impossible: [] });
});

test("a host without memory to spare is told to grow, not overloaded", () => {
  const { steps, impossible } = plan({ ...full, memory: { ...full.memory, availableKiB: 10_000 } });
  expect(steps.map(({ fix }) => fix)).not.toContain("raise-conntrack-max");
  expect(impossible).toContainEqual({
    fix: "raise-conntrack-max",
    reason: expect.stringContaining("larger instance"),
  });
});

test("the undo of every applied step puts back every value it changes", () => {
  for (const { settings, undo, document } of plan(full).steps) {
    if (document === null) continue;
    for (const { before } of settings) expect(undo.join("\n")).toContain(before);
    expect(undo).toHaveLength(settings.length);
  }
});

describe("the parameters that a step sends are those that its document takes", () => {
  test.each(["conntrack-table-full", "conntrack-hash-undersized", "conntrack-timeouts-too-long"])(
    "%s",
    (scenario) => {
      for (const { document, parameters } of plan(captured(scenario)).steps) {
        if (document === null) continue;
        const known = buildDocument(`NatMedic-${document}`).parameters;
        for (const [name, value] of Object.entries(parameters)) {
          expect(known, name).toHaveProperty(name);
          expect(value).toMatch(new RegExp(known[name]!.allowedPattern));
        }
      }
    },
  );
});

test("the table is never lowered, nor given more memory than its share", () => {
  const entries = fc.integer({ min: 0, max: 4_000_000 });
  fc.assert(
    fc.property(
      entries,
      fc.integer({ min: 1, max: 4_000_000 }),
      fc.integer({ min: 1, max: 4_000_000 }),
      fc.integer({ min: 0, max: 64 * 1024 * 1024 }),
      (count, max, buckets, availableKiB) => {
        const size = tableSizeFor(
          withTable({ ...full, memory: { ...full.memory, availableKiB } }, { count, max, buckets }),
        );
        if (size === undefined) throw new Error("all of it is known");
        expect(size.max).toBeGreaterThanOrEqual(max);
        expect(size.buckets).toBeGreaterThanOrEqual(buckets);
        if (size.max > max)
          expect(size.max * bytesPerEntry + size.buckets * 8).toBeLessThanOrEqual(
            availableKiB * 1024 * shareOfMemory + buckets * 8,
          );
      },
    ),
  );
});

test("the new timeout is never below what RFC 5382 allows", () => {
  for (const scenario of ["conntrack-table-full", "conntrack-timeouts-too-long"]) {
    const step = plan(captured(scenario)).steps.find(({ fix }) => fix === "shorten-conntrack-timeouts");
    expect(Number(step?.parameters.EstablishedSeconds)).toBeGreaterThanOrEqual(7_440);
  }
});
