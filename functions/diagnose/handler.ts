/** From evidence to causes. */
import * as z from "zod/mini";
import { Diagnosis, diagnose } from "../../core/diagnosis.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence }),
  output: Diagnosis,
  run: ({ incident, evidence }) => diagnose(evidence, incident.trigger),
});
