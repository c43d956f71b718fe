/** Puts back what this incident changed in one step; safe to run when nothing was changed, and twice. */
import * as z from "zod/mini";
import { beginAction, endAction, noteUndo } from "../../aws/incident-store.ts";
import { ChangeResult, hasChanged } from "../../core/change.ts";
import { Closing } from "../../core/closing.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { carryOut } from "../carry-out.ts";
import { environment } from "../environment.ts";
import { measure } from "../measure.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, step: PlanStep, undo: Closing.shape.undo }),
  output: ChangeResult,
  run: async ({ incident, step: planned, undo }) => {
    const table = environment.table();
    await beginAction(table, incident.id, { fix: planned.fix, action: "undo", begunAt: now() });
    // A change that did not help opens the circuit breaker; a person who wants it back does not.
    if (undo === null) await noteUndo(table, incident.instanceId, now());
    const result = await carryOut("undo", incident, planned, { forced: undo?.forced ?? false });
    await endAction(table, incident.id, planned.fix, "undo", result, now());
    if (hasChanged(result)) measure("FixUndone", 1, planned.fix);
    return result;
  },
});
