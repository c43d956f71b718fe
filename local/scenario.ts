/** A trouble that can be staged: how to bring it about, and what NAT Medic should make of it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import * as z from "zod/mini";
import { root } from "../build/layout.ts";
import { CauseId } from "../core/cause.ts";
import { Outcome } from "../core/closing.ts";
import { FixId } from "../core/fix.ts";
import { fixes } from "../core/fixes.ts";
import { decisionFor, Mode } from "../core/mode.ts";

export const Scenario = z.strictObject({
  title: z.string(),
  description: z.string(),
  mode: Mode,
  expect: z.strictObject({
    outcome: Outcome,
    leading: z.nullable(CauseId),
    contributing: z.array(CauseId),
    /** Fixes that are applied when people approve. */
    fixes: z.array(FixId),
  }),
  host: z.strictObject({ memoryMiB: z.int() }),
});
export type Scenario = z.infer<typeof Scenario> & { id: string; folder: string };

const folder = join(root, "scenarios");

export const scenarioIds: readonly string[] = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && existsSync(join(folder, entry.name, "scenario.yaml")))
  .map(({ name }) => name);

/** Throws when the file does not fit its schema. */
export function readScenario(id: string): Scenario {
  const parsed = z.parse(Scenario, parse(readFileSync(join(folder, id, "scenario.yaml"), "utf8")));
  return { ...parsed, id, folder: join(folder, id) };
}

export const recordingFile = (scenario: Scenario) => join(scenario.folder, "recording.json");

/** What a drill should end with: what the scenario says where changes are allowed, proposals where they are not. */
export function expectedOutcome({ expect }: Scenario, mode: Mode, approved: boolean): Outcome {
  if (expect.outcome !== "fixed") return expect.outcome;
  const appliesSomething = expect.fixes.some((fix) => {
    const decision = decisionFor[mode][fixes[fix].risk];
    return decision === "apply" || (decision === "ask" && approved);
  });
  return appliesSomething ? "fixed" : "proposed";
}
