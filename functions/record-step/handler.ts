/** Keeps what became of one step. */
import * as z from "zod/mini";
import { keepStep } from "../../aws/incident-store.ts";
import { Incident } from "../../core/incident.ts";
import { StepRecord } from "../../core/step-record.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, position: z.int(), record: StepRecord }),
  output: z.object({}),
  run: async ({ incident, position, record }) => {
    await keepStep(environment.table(), incident.id, position, record);
    return {};
  },
});
