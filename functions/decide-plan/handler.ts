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
import { now, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence, diagnosis: Diagnosis }),
  output: z.object({ plan: Plan, messages: z.array(Publication) }),
  run: async ({ incident, evidence, diagnosis }) => {
    const plan = planFor(diagnosis, evidence, incident);
    await keepFindings(environment.table(), incident.id, { at: now(), evidence, diagnosis, plan });
    const notice = openingNotice({ incident, diagnosis, plan });
    return { plan, messages: notice === null ? [] : publications(notice, environment.topics()) };
  },
});
