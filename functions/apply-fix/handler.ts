/** Applies one step on the host, once, however often it is asked. */
import * as z from "zod/mini";
import { beginAction, endAction, noteAutomaticChange } from "../../aws/incident-store.ts";
import { runDocument } from "../../aws/ssm.ts";
import { ChangeResult, resultOnRecord } from "../../core/change.ts";
import { changeCommand, changeResult } from "../../core/command.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { environment } from "../environment.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, step: PlanStep }),
  output: ChangeResult,
  run: async ({ incident, step: planned }) => {
    const table = environment.table();
    const { fix, decision } = planned;
    const begunAt = now();
    const ask = async (action: "apply" | "show") =>
      changeResult(await runDocument(changeCommand(action, incident, planned)));

    const begun = await beginAction(table, incident.id, { fix, action: "apply", begunAt });
    if (begun.result !== null) return begun.result;
    if (decision === "apply") {
      await noteAutomaticChange(table, incident.instanceId, `${incident.id}/${fix}`, begun.begunAt);
    }
    // Begun before, and its end not recorded: whoever began it died, and only the host knows how far it got.
    const known = begun.begunAt === begunAt ? undefined : resultOnRecord(await ask("show"));
    const result = known ?? (await ask("apply"));
    await endAction(table, incident.id, fix, "apply", result, now());
    return result;
  },
});
