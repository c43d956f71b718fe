import { expect, test } from "vitest";
import type { CauseId } from "../../core/cause.ts";
import { causes } from "../../core/causes.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { captured, capturedAfterFix, withGrowth, withTable } from "./captured.ts";

const verify = (id: CauseId, before: HostEvidence, after: HostEvidence) =>
  causes.find((cause) => cause.id === id)?.verify(before, after).verdict;
const ids = causes.map(({ id }) => id);

test.each(ids)("%s: what its fix did on the lab's kernel is better", (id) => {
  expect(verify(id, captured(id), capturedAfterFix(id))).toBe("better");
});

test.each(ids)("%s: a host that did not change is unchanged", (id) => {
  expect(verify(id, captured(id), captured(id))).toBe("unchanged");
});

test("more drops than before is worse", () => {
  const before = withGrowth(captured("conntrack-table-full"), { drop: 10 });
  expect(verify("conntrack-table-full", before, withGrowth(before, { drop: 100 }))).toBe("worse");
});

test.each(ids)("%s: what cannot be read again is unknown, not better", (id) => {
  const after = withTable(
    { ...capturedAfterFix(id), table: null, counters: {} },
    { count: null, max: null, buckets: null },
  );
  expect(verify(id, captured(id), after)).toBe("unknown");
});
