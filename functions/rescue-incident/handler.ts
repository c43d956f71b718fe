/** An execution of ours died. Its lock is released, its half-made change undone, and people are told, once. */
import * as z from "zod/mini";
import {
  beginTelling,
  endTelling,
  keepAftermath,
  noteDeath,
  readAftermath,
} from "../../aws/incident-store.ts";
import { publish } from "../../aws/sns.ts";
import { startExecution } from "../../aws/stepfunctions.ts";
import type { Aftermath } from "../../core/incident-record.ts";
import { environment } from "../environment.ts";
import { now, step } from "../step.ts";
import { leaveBehind } from "./leave-behind.ts";

/** EventBridge's `Step Functions Execution Status Change`. */
const Died = z.object({
  time: z.string(),
  detail: z.object({
    executionArn: z.string(),
    status: z.enum(["FAILED", "TIMED_OUT", "ABORTED"]),
    /** Unix milliseconds. */
    startDate: z.number(),
    error: z._default(z.nullable(z.string()), null),
    cause: z._default(z.nullable(z.string()), null),
  }),
});

/** Seconds until whoever began to tell people is taken for dead: Lambda tries again after a minute, not before. */
const tellingSeconds = 30;

export const handler = step({
  input: Died,
  output: z.object({ told: z.boolean() }),
  run: async ({ time, detail: { executionArn: execution, startDate, status, error, cause } }) => {
    // The machine closed it and told people; failing is only how it shows.
    if (error === "ReportedFailure") return { told: false };
    const table = environment.table();
    // Before anything is looked at: functions of it that still run find this, or what they did is found.
    await noteDeath(table, execution, time);
    const death = { time, startDate, execution, status, cause: cause ?? error ?? "" };
    const { undo, messages } =
      (await readAftermath(table, execution)) ??
      (await keepAftermath(table, execution, await leaveBehind(death)));
    try {
      return { told: await tellOnce(execution, messages) };
    } finally {
      // After the message that announces it, and whether or not that could be sent.
      if (undo !== null) await startExecution(environment.stateMachineArn(), `${undo.undo}-rescue`, undo);
    }
  },
});

/** False: people know of it, or whoever began to tell them may still be at it. */
async function tellOnce(execution: string, messages: Aftermath["messages"]): Promise<boolean> {
  const table = environment.table();
  const begunAt = now();
  const givenUpBefore = new Date(Date.parse(begunAt) - tellingSeconds * 1000).toISOString();
  if (!(await beginTelling(table, execution, begunAt, givenUpBefore))) return false;
  for (const publication of messages) await publish(publication);
  await endTelling(table, execution, now());
  return true;
}
