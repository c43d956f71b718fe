/** From a diagnosis to ordered steps, each with its decision. */
import * as z from "zod/mini";
import { CauseId } from "./cause.ts";
import { causes } from "./causes.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { Evidence } from "./evidence.ts";
import { CloudChange, DocumentName, FixId, Risk, SettingChange } from "./fix.ts";
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
  /** Why this decision, where the mode and the risk alone do not say it; else empty. */
  decisionReason: z.string(),
  precondition: z.string(),
  effect: z.string(),
  blastRadius: z.string(),
  verifiedBy: z.string(),
  undoing: z.string(),
  settings: z.array(SettingChange),
  /** The SSM document's name after `NatMedic-`, and its parameters. */
  document: z.nullable(DocumentName),
  parameters: z.record(z.string(), z.string()),
  /** Set when it is made through EC2 instead. */
  cloudChange: z._default(z.nullable(CloudChange), null),
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

/** What the incident allows: its mode, and how many changes the circuit breaker leaves. */
export type Allowed = { mode: Mode; automaticChangesLeft: number };

/** One step per fix, in the order of the causes: a fix that serves several is done once. */
export function planFor(diagnosis: Diagnosis, evidence: Evidence, allowed: Allowed): Plan {
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
      const { document, title, risk, precondition, effect, blastRadius, verifiedBy, undoing } = fixes[fixId];
      const prepared = fixes[fixId].prepare(evidence);
      if ("impossible" in prepared) {
        impossible.push({ fix: fixId, reason: prepared.impossible });
        continue;
      }
      const { cloudChange = null } = prepared;
      const isOurs = document !== null || cloudChange !== null;
      steps.push({
        fix: fixId,
        title,
        causes: [found.id],
        risk,
        decision: isOurs ? decisionFor[allowed.mode][risk] : "propose",
        decisionReason: "",
        precondition,
        effect,
        blastRadius,
        verifiedBy,
        undoing,
        document,
        ...prepared,
        cloudChange,
      });
    }
  }
  // The gentle ones first: what touches nobody may already be enough.
  const order = Risk.options;
  steps.sort((a, b) => order.indexOf(a.risk) - order.indexOf(b.risk));
  return { steps: withinBreaker(steps, allowed.automaticChangesLeft), impossible };
}

/** What goes beyond the circuit breaker's allowance is written down only. */
function withinBreaker(steps: PlanStep[], allowance: number): PlanStep[] {
  let left = allowance;
  return steps.map((step) => {
    if (step.decision !== "apply") return step;
    if (left > 0) {
      left -= 1;
      return step;
    }
    const decisionReason = "the circuit breaker allows no further automatic change on this instance today";
    return { ...step, decision: "propose", decisionReason };
  });
}

/** The steps that one question to people covers: everything from `position` on that needs an answer. */
export function stepsToAsk({ steps }: Plan, position: number): PlanStep[] {
  return steps.slice(position).filter(({ decision }) => decision === "ask");
}

/** Whether a step's precondition still holds, and the host is as the plan found it. */
export const Review = z.discriminatedUnion("due", [
  z.object({ due: z.literal(true) }),
  z.object({ due: z.literal(false), reason: z.string() }),
]);
export type Review = z.infer<typeof Review>;

/**
 * Asked when the step's turn comes: minutes or hours after the plan was made. The values to set may differ a little
 * by then (free memory moves); the ones to replace may not, since a person agreed to that difference.
 */
export function review(step: PlanStep, evidence: Evidence): Review {
  if (evidence.host.status === "unread") {
    return { due: false, reason: `the host could not be read again: ${evidence.host.detail}` };
  }
  const prepared = fixes[step.fix].prepare(evidence);
  if ("impossible" in prepared) return { due: false, reason: prepared.impossible };
  for (const { setting, before } of step.settings) {
    const now = prepared.settings.find((change) => change.setting === setting);
    if (now === undefined) return { due: false, reason: `${setting} needs no change any more` };
    if (now.before !== before) {
      return { due: false, reason: `${setting} is now ${now.before}, no longer ${before}` };
    }
  }
  return { due: true };
}
