/** Did it help? Judged by the leading cause's own signal, before the change and in one window after it. */
import * as z from "zod/mini";
import { HostReading } from "../../core/evidence.ts";
import { PlanStep } from "../../core/plan.ts";
import { Verification, verify } from "../../core/verification.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({
    step: PlanStep,
    before: HostReading,
    after: HostReading,
    earlier: z.nullable(Verification),
  }),
  output: Verification,
  run: ({ step: planned, before, after, earlier }) => verify(planned, before, after, earlier),
});
