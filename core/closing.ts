/** How an incident ends. */
import * as z from "zod/mini";
import { Diagnosis } from "./diagnosis.ts";
import { CloudEvidence } from "./evidence/cloud.ts";
import { Incident } from "./incident.ts";
import { Plan } from "./plan.ts";
import { StepRecord, statusOf } from "./step-record.ts";

export const Outcome = z.enum([
  /** Something was changed, verified in two windows, and stays. */
  "fixed",
  "proposed",
  "undone",
  "healthy",
  /** Nothing is wrong here, and yet connections fail. */
  "not-the-nat",
  "undetermined",
  "failed",
  /** We were asked to look at something that is not ours, or at nothing. */
  "refused",
]);
export type Outcome = z.infer<typeof Outcome>;

export const Failure = z.object({ state: z.string(), error: z.string(), cause: z.string() });
export type Failure = z.infer<typeof Failure>;

/** What the state machine knows when it closes; `null`: it did not get that far. */
export const Closing = z.object({
  /** ISO 8601. */
  at: z.string(),
  execution: z.string(),
  incident: z.nullable(Incident),
  cloud: z.nullable(CloudEvidence),
  diagnosis: z.nullable(Diagnosis),
  plan: z.nullable(Plan),
  steps: z.array(StepRecord),
  refusal: z.nullable(z.object({ subject: z.string(), reason: z.string() })),
  /**
   * Set when a finished incident is undone. `forced`: also what others changed since; `reason`: null when a person
   * asked, else why NAT Medic does it by itself.
   */
  undo: z.nullable(z.object({ forced: z.boolean(), reason: z.nullable(z.string()) })),
  failure: z.nullable(Failure),
});
export type Closing = z.infer<typeof Closing>;

export function outcomeOf({ diagnosis, steps, refusal, undo, failure }: Closing): Outcome {
  const statuses = steps.map(statusOf);
  if (refusal !== null) return "refused";
  if (undo !== null) return undoOutcome(steps);
  if (statuses.includes("unsettled") || statuses.includes("failed")) return "failed";
  if (statuses.includes("undone")) return "undone";
  if (failure !== null || diagnosis === null) return "failed";
  if (diagnosis.status !== "cause-found") return diagnosis.status;
  return statuses.includes("in-force") ? "fixed" : "proposed";
}

/** Nothing undone because others have changed the values since is no failure of ours: they decide. */
function undoOutcome(steps: readonly StepRecord[]): Outcome {
  if (steps.some(({ undone }) => undone?.status !== "told" || undone.change.status === "failed"))
    return "failed";
  return steps.some((step) => statusOf(step) === "undone") ? "undone" : "refused";
}
