/** What of an incident is still changed on the host, as far as the store knows. */
import type { HostAction, IncidentRecord } from "./incident-record.ts";
import { type StepRecord, statusOf } from "./step-record.ts";

/** The last change first. A change whose end nobody recorded counts: the host's own record then decides. */
export function changesToUndo(record: IncidentRecord): StepRecord[] {
  return record.actions
    .filter(({ action }) => action === "apply")
    .filter((apply) => mayBeInForce(apply, record))
    .flatMap((apply) => stepOf(apply, record))
    .toReversed();
}

/** Begun, and neither verified and kept nor put back: what an execution that died leaves behind. */
export function unfinishedChanges(record: IncidentRecord): StepRecord[] {
  return changesToUndo(record).filter((step) => statusOf(step) !== "in-force");
}

function mayBeInForce({ fix, result }: HostAction, { actions }: IncidentRecord): boolean {
  if (result?.status === "told" && ["refused", "failed"].includes(result.change.status)) return false;
  const undone = actions.find((other) => other.fix === fix && other.action === "undo")?.result;
  return !(undone?.status === "told" && ["changed", "unchanged"].includes(undone.change.status));
}

function stepOf({ fix, result }: HostAction, { steps, findings }: IncidentRecord): StepRecord[] {
  const finished = steps.find(({ step }) => step.fix === fix);
  if (finished !== undefined) return [{ ...finished, undone: null }];
  const step = findings?.plan.steps.find((planned) => planned.fix === fix);
  if (step === undefined) return [];
  const applied = result ?? { status: "untold" as const, detail: "its result was never recorded" };
  return [{ step, answer: null, skipped: null, applied, verification: null, persisted: null, undone: null }];
}
