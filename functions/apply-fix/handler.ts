/** Applies one step, once, however often it is asked. */
import * as z from "zod/mini";
import { beginAction, endAction, noteAutomaticChange, readInstance } from "../../aws/incident-store.ts";
import { ChangeResult, hasChanged, resultOnRecord } from "../../core/change.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { carryOut } from "../carry-out.ts";
import { environment } from "../environment.ts";
import { measure } from "../measure.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, step: PlanStep }),
  output: ChangeResult,
  run: async ({ incident, step: planned }) => {
    const table = environment.table();
    const { fix, decision } = planned;
    const begunAt = now();
    const ask = (action: "apply" | "show") => carryOut(action, incident, planned);

    const begun = await beginAction(table, incident.id, { fix, action: "apply", begunAt });
    if (begun.result !== null) return begun.result;
    // An execution that is stopped while this runs is put in order by others, who find this action, or are found here.
    const { open: holder } = await readInstance(table, incident.instanceId);
    if (holder?.incidentId !== incident.id) {
      const detail = "the incident no longer has the instance for itself, so nothing was sent";
      const nothing: ChangeResult = { status: "untold", detail };
      await endAction(table, incident.id, fix, "apply", nothing, now());
      return nothing;
    }
    if (decision === "apply") {
      await noteAutomaticChange(table, incident.instanceId, `${incident.id}/${fix}`, begun.begunAt);
    }
    // Begun before, and its end not recorded: whoever began it died, and only what was to change knows how far it got.
    const known = begun.begunAt === begunAt ? undefined : resultOnRecord(await ask("show"));
    const result = known ?? (await ask("apply"));
    await endAction(table, incident.id, fix, "apply", result, now());
    if (hasChanged(result)) measure("FixApplied", 1, fix);
    return result;
  },
});
