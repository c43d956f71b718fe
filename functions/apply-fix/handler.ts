/** Applies one step on the host, which records the old values before it changes them. */
import * as z from "zod/mini";
import { runDocument } from "../../aws/ssm.ts";
import { ChangeResult } from "../../core/change.ts";
import { changeCommand, changeResult } from "../../core/command.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, step: PlanStep }),
  output: ChangeResult,
  run: async ({ incident, step: planned }) =>
    changeResult(await runDocument(changeCommand("apply", incident, planned))),
});
