/** Asks a person for a decision. The state machine waits for the answer with the task token. */
import * as z from "zod/mini";
import { publish } from "../../aws/sns.ts";
import { Diagnosis } from "../../core/diagnosis.ts";
import { Incident } from "../../core/incident.ts";
import { PlanStep } from "../../core/plan.ts";
import { approvalRequest } from "../../core/report/approval.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, diagnosis: Diagnosis, step: PlanStep, taskToken: z.string() }),
  output: z.object({}),
  run: async (request) => {
    const patience = environment.approvalSeconds();
    await publish(environment.topicArn(), approvalRequest({ ...request, patience }));
    return {};
  },
});
