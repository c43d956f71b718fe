/** Is a step still to be done, now that its turn has come? */
import * as z from "zod/mini";
import { Evidence } from "../../core/evidence.ts";
import { PlanStep, Review, review } from "../../core/plan.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ step: PlanStep, evidence: Evidence }),
  output: Review,
  run: ({ step: planned, evidence }) => review(planned, evidence),
});
