/** What became of one step of a plan. */
import * as z from "zod/mini";
import { ChangeResult } from "./change.ts";
import { Decided } from "./decision.ts";
import { PlanStep } from "./plan.ts";
import { quietWindowsNeeded, Verification } from "./verification.ts";

/** Filled in as the state machine goes; `null`: not reached. */
export const StepRecord = z.object({
  step: PlanStep,
  /** Null when nobody was asked. */
  answer: z.nullable(Decided),
  /** Why it was left out when its turn came. */
  skipped: z.nullable(z.string()),
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
  /** The alarm cleared before anybody decided. */
  | "withdrawn"
  /** Its precondition no longer held when its turn came. */
  | "skipped"
  /** A guard on the host said no: nothing was changed. */
  | "refused"
  /** Changed, verified, in force. */
  | "in-force"
  /** Put back: it did not help, or a person asked for it. */
  | "undone"
  /** The host may be changed, and we could not put it back or cannot tell. */
  | "unsettled"
  /** The fix failed and put back what it had done. */
  | "failed";

export function statusOf({
  step,
  answer,
  skipped,
  applied,
  verification,
  persisted,
  undone,
}: StepRecord): StepStatus {
  if (skipped !== null) return "skipped";
  if (applied === null) {
    switch (answer?.decision) {
      case "reject":
        return "rejected";
      case "nobody":
        return "unanswered";
      case "withdrawn":
        return "withdrawn";
      default:
        return step.decision === "propose" ? "proposed" : "failed";
    }
  }
  if (applied.status === "told" && applied.change.status === "refused") return "refused";
  if (applied.status === "told" && applied.change.status === "failed") return "failed";
  if (undone !== null) {
    const putBack = undone.status === "told" && ["changed", "unchanged"].includes(undone.change.status);
    return putBack ? "undone" : "unsettled";
  }
  // Its own restore was faster than the word to keep it.
  if (persisted?.status === "told" && persisted.change.onRecord === "undone") return "undone";
  const verified = verification?.verdict === "better" && verification.quietWindows >= quietWindowsNeeded;
  return verified ? "in-force" : "unsettled";
}
