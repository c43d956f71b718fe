/** The evidence of a scenario and its variants as the lab's kernels showed it: fixtures for tests without a kernel. */
import { existsSync, readFileSync } from "node:fs";
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

export const evidenceFile = (scenario: Scenario) => join(scenario.folder, "evidence.json");

/** None for a scenario that the lab's matrix has not played yet. */
export function capturedCases(scenario: Scenario): CapturedCase[] {
  const file = evidenceFile(scenario);
  return existsSync(file) ? z.parse(z.array(CapturedCase), JSON.parse(readFileSync(file, "utf8"))) : [];
}
