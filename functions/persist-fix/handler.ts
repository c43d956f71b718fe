/** Makes a verified step survive a reboot. */
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
    changeResult(await runDocument(changeCommand("persist", incident, planned))),
});
