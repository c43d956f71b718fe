/** The evidence of a scenario and its variants as the lab's kernels showed it: fixtures for tests without a kernel. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { Evidence } from "../core/evidence.ts";
import type { Scenario } from "./scenario.ts";

export const CapturedCase = z.object({
  /** Null for the scenario itself. */
  variant: z.nullable(z.string()),
  kernel: z.string(),
  capturedAt: z.string(),
  command: z.string(),
  /** From the first command to the diagnosis. */
  seconds: z.number(),
  evidence: Evidence,
});
export type CapturedCase = z.infer<typeof CapturedCase>;

const evidenceFile = (scenario: Scenario) => join(scenario.folder, "evidence.json");

/** None for a scenario that the lab's matrix has not played yet. */
export function capturedCases(scenario: Scenario): CapturedCase[] {
  const file = evidenceFile(scenario);
  return existsSync(file) ? z.parse(z.array(CapturedCase), JSON.parse(readFileSync(file, "utf8"))) : [];
}

/** Replaces what was captured of the same case on the same series of kernels; variants that are no more go. */
export function keepCase(scenario: Scenario, now: CapturedCase): void {
  const series = ({ kernel }: CapturedCase) => kernel.split(".")[0];
  const stays = capturedCases(scenario).filter(
    (each) =>
      (each.variant !== now.variant || series(each) !== series(now)) &&
      (each.variant === null || Object.hasOwn(scenario.variants, each.variant)),
  );
  const order = [null, ...Object.keys(scenario.variants)];
  const cases = [...stays, now].sort(
    (a, b) => a.kernel.localeCompare(b.kernel) || order.indexOf(a.variant) - order.indexOf(b.variant),
  );
  writeFileSync(
    evidenceFile(scenario),
    `[\n${cases.map((each) => ` ${JSON.stringify(each)}`).join(",\n")}\n]\n`,
  );
}
