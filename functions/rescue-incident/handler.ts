/** An execution of ours died. Its lock is released, its half-made change undone, and people are told. */
import * as z from "zod/mini";
import { readIncident, whoseExecution } from "../../aws/incident-store.ts";
import { publish } from "../../aws/sns.ts";
import { publications } from "../../core/notice.ts";
import { deathNotice } from "../../core/report/death.ts";
import { unfinishedChanges } from "../../core/undo.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";
import { leaveBehind } from "./leave-behind.ts";

/** EventBridge's `Step Functions Execution Status Change`. */
const Died = z.object({
  time: z.string(),
  detail: z.object({
    executionArn: z.string(),
    status: z.enum(["FAILED", "TIMED_OUT", "ABORTED"]),
    error: z._default(z.nullable(z.string()), null),
    cause: z._default(z.nullable(z.string()), null),
  }),
});

export const handler = step({
  input: Died,
  output: z.object({ told: z.boolean() }),
  run: async ({ time, detail: { executionArn: execution, status, error, cause } }) => {
    // The machine closed it and told people; failing is only how it shows.
    if (error === "ReportedFailure") return { told: false };
    const table = environment.table();
    const held = await whoseExecution(table, execution);
    const record = held && (await readIncident(table, held.incidentId));
    // Closed by the machine, which then failed to tell people, or by this function, which then died.
    const closed = record?.status === "closed" ? record.closing : null;
    const mayBeHalfMade = record !== undefined && (closed === null || closed.at === time);
    const undoing = mayBeHalfMade && unfinishedChanges(record).length > 0;
    const notice = deathNotice({
      record: record ?? null,
      execution,
      status,
      cause: cause ?? error ?? "",
      undoing,
    });
    const undoBecause = undoing ? `the execution that made the change ended as ${status}` : null;
    const closing = { at: time, ...notice.people };
    if (held !== undefined) await leaveBehind({ held, record, closing, undoBecause });
    const topics = environment.topics();
    const told =
      closed === null ? publications(notice, topics) : publications({ ...notice, people: closed }, topics);
    // Last, so that a function that dies before it starts over, and one that dies after it has little left to do.
    for (const publication of told) await publish(publication);
    return { told: true };
  },
});
