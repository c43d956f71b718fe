/** From causes to ordered steps, each with what the incident's mode allows. */
import * as z from "zod/mini";
import { Diagnosis } from "../../core/diagnosis.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { Plan, planFor } from "../../core/plan.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence, diagnosis: Diagnosis }),
  output: Plan,
  run: ({ incident, evidence, diagnosis }) => planFor(diagnosis, evidence, incident.mode),
});
