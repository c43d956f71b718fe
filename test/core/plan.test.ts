import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { diagnose } from "../../core/diagnosis.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import type { Mode } from "../../core/mode.ts";
import { planFor } from "../../core/plan.ts";
import { bytesPerEntry, shareOfMemory, tableSizeFor } from "../../core/table-size.ts";
import { buildDocument } from "../../host/documents.ts";
import { byHand, captured, evidenceOf, withTable } from "./captured.ts";

const full = captured("conntrack-table-full");
const plan = (host: HostEvidence, mode: Mode = "apply") => {
  const evidence = evidenceOf(host);
  return planFor(diagnose(evidence, byHand), evidence, mode);
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

test("a healthy host gets no plan", () => {
  expect(plan(captured("healthy"))).toEqual({ steps: [], impossible: [] });
});

test("a host without memory to spare is told to grow, not overloaded", () => {
  const { steps, impossible } = plan({ ...full, memory: { ...full.memory, availableKiB: 10_000 } });
  expect(steps.map(({ fix }) => fix)).not.toContain("raise-conntrack-max");
  expect(impossible).toEqual([
    { fix: "raise-conntrack-max", reason: expect.stringContaining("larger instance") },
  ]);
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
