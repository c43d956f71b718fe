import { describe, expect, test } from "vitest";
import type { CauseId } from "../../core/cause.ts";
import { causes } from "../../core/causes.ts";
import { diagnose } from "../../core/diagnosis.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { planFor } from "../../core/plan.ts";
import { verify } from "../../core/verification.ts";
import { readScenario } from "../../local/scenario.ts";
import { byHand, captured, capturedAfterFix, evidenceOf, withGrowth, withTable } from "./captured.ts";

const compare = (id: CauseId, before: HostEvidence, after: HostEvidence) =>
  causes.find((cause) => cause.id === id)?.verify?.(before, after).verdict;
/** Those that lead a scenario in which something is applied, kept and so verified. */
const ids = causes
  .filter(({ id, verify }) => verify !== null && readScenario(id).expect.fixes.length > 0)
  .map(({ id }) => id);

test.each(ids)("%s: what its fix did on the lab's kernel is better", (id) => {
  expect(compare(id, captured(id), capturedAfterFix(id))).toBe("better");
});

/** Its change is read back from EC2; what the host shows is only that nothing got worse. */
const seenElsewhere = ["eni-timeout-mismatch"];

test.each(ids.filter((id) => !seenElsewhere.includes(id)))(
  "%s: a host that did not change is unchanged",
  (id) => {
    expect(compare(id, captured(id), captured(id))).toBe("unchanged");
  },
);

test("more drops than before is worse", () => {
  const before = withGrowth(captured("conntrack-table-full"), { drop: 10 });
  expect(compare("conntrack-table-full", before, withGrowth(before, { drop: 100 }))).toBe("worse");
});

test.each(ids)("%s: what cannot be read again is unknown, not better", (id) => {
  const after = withTable(
    { ...capturedAfterFix(id), table: null, counters: {}, parameters: {}, rules: null },
    { count: null, max: null, buckets: null },
  );
  expect(compare(id, captured(id), after)).toBe("unknown");
});

describe("a step is verified in two windows in a row", () => {
  const full = captured("conntrack-table-full");
  const evidence = evidenceOf(full);
  const [step] = planFor(diagnose(evidence, byHand), evidence, {
    mode: "apply",
    automaticChangesLeft: 3,
  }).steps;
  const before = evidence.host;
  const better = evidenceOf(capturedAfterFix("conntrack-table-full")).host;

  test("each quiet one counts, a noisy one starts over", () => {
    const first = verify(step!, before, better, null);
    expect(first).toMatchObject({ verdict: "better", quietWindows: 1 });
    const second = verify(step!, before, better, first);
    expect(second).toMatchObject({ verdict: "better", quietWindows: 2 });
    expect(verify(step!, before, before, second)).toMatchObject({ verdict: "unchanged", quietWindows: 0 });
  });
  test("a host that cannot be read again is unknown, and quiet for nobody", () => {
    const unread = { status: "unread" as const, reason: "timed-out" as const, detail: "killed at its limit" };
    expect(verify(step!, before, unread, null)).toMatchObject({ verdict: "unknown", quietWindows: 0 });
  });
});
