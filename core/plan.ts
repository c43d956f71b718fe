/** From a diagnosis to ordered steps, each with its decision. */
import * as z from "zod/mini";
import { CauseId } from "./cause.ts";
import { causes } from "./causes.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { Evidence } from "./evidence.ts";
import { FixId, Risk, SettingChange } from "./fix.ts";
import { fixes } from "./fixes.ts";
import { Decision, decisionFor, type Mode } from "./mode.ts";

export const PlanStep = z.object({
  fix: FixId,
  title: z.string(),
  /** What it does here, with its numbers. */
  action: z.string(),
  /** The causes that it serves; the first one's signal verifies it. */
  causes: z.array(CauseId),
  risk: Risk,
  decision: Decision,
  effect: z.string(),
  blastRadius: z.string(),
  settings: z.array(SettingChange),
  /** The SSM document's name after `NatMedic-`, and its parameters. */
  document: z.nullable(z.enum(["RaiseConntrackMax", "ShortenConntrackTimeouts"])),
  parameters: z.record(z.string(), z.string()),
  commands: z.array(z.string()),
  undo: z.array(z.string()),
});
export type PlanStep = z.infer<typeof PlanStep>;

export const Plan = z.object({
  steps: z.array(PlanStep),
  /** Fixes that were considered and cannot be done here, with the reason. */
  impossible: z.array(z.object({ fix: FixId, reason: z.string() })),
});
export type Plan = z.infer<typeof Plan>;

/** One step per fix, in the order of the causes: a fix that serves several is done once. */
export function planFor(diagnosis: Diagnosis, evidence: Evidence, mode: Mode): Plan {
  const steps: PlanStep[] = [];
  const impossible: Plan["impossible"] = [];
  for (const found of diagnosis.causes) {
    for (const fixId of causes.find(({ id }) => id === found.id)?.fixes ?? []) {
      const already = steps.find(({ fix }) => fix === fixId);
      if (already !== undefined) {
        already.causes.push(found.id);
        continue;
      }
      if (impossible.some(({ fix }) => fix === fixId)) continue;
      const { document, title, risk, effect, blastRadius, prepare } = fixes[fixId];
      const prepared = prepare(evidence);
      if ("impossible" in prepared) {
        impossible.push({ fix: fixId, reason: prepared.impossible });
        continue;
      }
      const decision = document === null ? "propose" : decisionFor[mode][risk];
      steps.push({
        fix: fixId,
        title,
        causes: [found.id],
        risk,
        decision,
        effect,
        blastRadius,
        document,
        ...prepared,
      });
    }
  }
  // The gentle ones first: what touches nobody may already be enough.
  const order = Risk.options;
  steps.sort((a, b) => order.indexOf(a.risk) - order.indexOf(b.risk));
  return { steps, impossible };
}
