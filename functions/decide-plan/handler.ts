/** From causes to ordered steps, each with what the incident's mode allows; kept, and announced where it matters. */
import * as z from "zod/mini";
import { keepFindings } from "../../aws/incident-store.ts";
import { Diagnosis } from "../../core/diagnosis.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { Publication, publications } from "../../core/notice.ts";
import { Plan, planFor } from "../../core/plan.ts";
import { openingNotice } from "../../core/report/opening.ts";
import { environment } from "../environment.ts";
import { measure, measureTime } from "../measure.ts";
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence, diagnosis: Diagnosis }),
  output: z.object({ plan: Plan, messages: z.array(Publication) }),
  run: async ({ incident, evidence, diagnosis }) => {
    const plan = planFor(diagnosis, evidence, incident);
    const at = now();
    await keepFindings(environment.table(), incident.id, { at, evidence, diagnosis, plan });
    for (const { id } of diagnosis.causes) measure("CauseFound", 1, id);
    measureTime("TimeToDiagnose", incident.openedAt, at);
    const notice = openingNotice({ incident, diagnosis, plan });
    return { plan, messages: notice === null ? [] : publications(notice, environment.topics()) };
  },
});
