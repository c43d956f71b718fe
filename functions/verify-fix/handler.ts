/** Did it help? Judged by the leading cause's own signal, before and after. */
import * as z from "zod/mini";
import { Verification } from "../../core/cause.ts";
import { HostReading } from "../../core/evidence.ts";
import { PlanStep } from "../../core/plan.ts";
import { verify } from "../../core/verification.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ step: PlanStep, before: HostReading, after: HostReading }),
  output: Verification,
  run: ({ step: planned, before, after }) => verify(planned, before, after),
});
