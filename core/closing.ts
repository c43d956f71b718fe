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
  execution: z.string(),
  incident: z.nullable(Incident),
  cloud: z.nullable(CloudEvidence),
  diagnosis: z.nullable(Diagnosis),
  plan: z.nullable(Plan),
  steps: z.array(StepRecord),
  refusal: z.nullable(z.object({ subject: z.string(), reason: z.string() })),
  /** Set when a person asked for the undo of a finished incident; `forced`: also of what others changed since. */
  undo: z.nullable(z.object({ forced: z.boolean() })),
  failure: z.nullable(Failure),
});
export type Closing = z.infer<typeof Closing>;

export function outcomeOf({ diagnosis, steps, refusal, failure }: Closing): Outcome {
  const statuses = steps.map(statusOf);
  if (refusal !== null) return "refused";
  if (statuses.includes("unsettled") || statuses.includes("failed")) return "failed";
  if (statuses.includes("undone")) return "undone";
  if (failure !== null || diagnosis === null) return "failed";
  if (diagnosis.status !== "cause-found") return diagnosis.status;
  return statuses.includes("in-force") ? "fixed" : "proposed";
}
