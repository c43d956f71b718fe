/** What became of one step of a plan. */
import * as z from "zod/mini";
import { Verification } from "./cause.ts";
import { ChangeResult } from "./change.ts";
import { PlanStep } from "./plan.ts";

export const Answer = z.enum(["approve", "reject", "nobody"]);
export type Answer = z.infer<typeof Answer>;

/** Filled in as the state machine goes; `null`: not reached. */
export const StepRecord = z.object({
  step: PlanStep,
  /** Null when nobody was asked. */
  answer: z.nullable(Answer),
  applied: z.nullable(ChangeResult),
  verification: z.nullable(Verification),
  persisted: z.nullable(ChangeResult),
  undone: z.nullable(ChangeResult),
});
export type StepRecord = z.infer<typeof StepRecord>;

export type StepStatus =
  | "proposed"
  | "rejected"
  | "unanswered"
  /** A guard on the host said no: nothing was changed. */
  | "refused"
  /** Changed, verified, in force. */
  | "in-force"
  /** Changed, did not help, put back. */
  | "undone"
  /** The host may be changed, and we could not put it back or cannot tell. */
  | "unsettled"
  /** The fix failed and put back what it had done. */
  | "failed";

export function statusOf({ step, answer, applied, verification, undone }: StepRecord): StepStatus {
  if (applied === null) {
    if (answer === "reject") return "rejected";
    if (answer === "nobody") return "unanswered";
    return step.decision === "propose" ? "proposed" : "failed";
  }
  if (applied.status === "told" && applied.change.status === "refused") return "refused";
  if (applied.status === "told" && applied.change.status === "failed") return "failed";
  if (undone !== null) {
    const putBack = undone.status === "told" && ["changed", "unchanged"].includes(undone.change.status);
    return putBack ? "undone" : "unsettled";
  }
  return verification?.verdict === "better" ? "in-force" : "unsettled";
}
