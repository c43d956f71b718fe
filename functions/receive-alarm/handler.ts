/** An alarm invokes a function itself, without a rule between: the state machine gets its event, once. */
import { createHash } from "node:crypto";
import * as z from "zod/mini";
import { startExecution } from "../../aws/stepfunctions.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

/** What names the event; the rest is for OpenIncident to understand, or to tell people that it does not. */
const Invocation = z.looseObject({
  source: z.literal("aws.cloudwatch"),
  alarmArn: z.string(),
  time: z.string(),
  alarmData: z.looseObject({
    /** One series of an alarm over many. */
    alarmContributor: z.optional(z.looseObject({ id: z.string() })),
  }),
});

export const handler = step({
  input: Invocation,
  output: z.object({ execution: z.string() }),
  run: async (event) => {
    const execution = nameOf(event);
    await startExecution(environment.stateMachineArn(), execution, event);
    return { execution };
  },
});

/** The same for every attempt of Lambda's to deliver it. */
function nameOf({ alarmArn, time, alarmData }: z.infer<typeof Invocation>): string {
  const identity = JSON.stringify([alarmArn, time, alarmData.alarmContributor?.id ?? null]);
  return `alarm-${createHash("sha256").update(identity).digest("hex").slice(0, 40)}`;
}
