/** Makes a verified step survive a reboot, and tells the host to keep it. */
import * as z from "zod/mini";
import { beginAction, endAction } from "../../aws/incident-store.ts";
import { ChangeResult } from "../../core/change.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { carryOut } from "../carry-out.ts";
import { environment } from "../environment.ts";
import { measureTime } from "../measure.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, step: PlanStep }),
  output: ChangeResult,
  // Asked twice, the host answers the second time that it is so already.
  run: async ({ incident, step: planned }) => {
    const table = environment.table();
    const { fix } = planned;
    const verified = await beginAction(table, incident.id, { fix, action: "persist", begunAt: now() });
    const result = await carryOut("persist", incident, planned);
    await endAction(table, incident.id, fix, "persist", result, now());
    measureTime("TimeToMitigate", incident.openedAt, verified.begunAt);
    return result;
  },
});
