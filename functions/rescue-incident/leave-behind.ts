/** What a dead execution leaves behind, put in order; asked again before the answer is kept, it finds what it did. */
import {
  closeIncident,
  readIncident,
  readInstance,
  releaseInstance,
  whoseExecution,
} from "../../aws/incident-store.ts";
import type { Aftermath } from "../../core/incident-record.ts";
import { publications } from "../../core/notice.ts";
import { type Death, deathNotice } from "../../core/report/death.ts";
import { unfinishedChanges } from "../../core/undo.ts";
import { environment } from "../environment.ts";
import { measure } from "../measure.ts";

export async function leaveBehind({
  time,
  startDate,
  execution,
  status,
  cause,
}: Pick<Death, "execution" | "status" | "cause"> & {
  time: string;
  startDate: number;
}): Promise<Aftermath> {
  const table = environment.table();
  const topics = environment.topics();
  const held = await whoseExecution(table, execution);
  if (held === undefined) {
    const notice = deathNotice({ record: null, execution, status, cause, undoing: false });
    return { undo: null, messages: publications(notice, topics) };
  }
  const { incidentId, instanceId } = held;
  const { open: holder } = await readInstance(table, instanceId);
  const isOthers = holder !== null && holder.execution !== execution;
  // Before the incident is read: a change that is begun from now on finds the instance given up.
  if (holder !== null && !isOthers) await releaseInstance(table, instanceId, incidentId, time);

  const record = await readIncident(table, incidentId);
  // Closed by the machine, which then failed to tell people, or by this function, which then died; one that was to undo
  // it may find it closed from before.
  const closing = record?.status === "closed" ? record.closing : null;
  const closed = closing !== null && Date.parse(closing.at) >= startDate ? closing : null;
  const mayBeHalfMade = !isOthers && record !== undefined && (closed === null || closed.at === time);
  const undoing = mayBeHalfMade && unfinishedChanges(record).length > 0;
  const notice = deathNotice({ record: record ?? null, execution, status, cause, undoing });
  if (record?.status === "open" && !isOthers) {
    await closeIncident(table, incidentId, { at: time, ...notice.people, outcome: "failed" });
    measure("Outcome", 1, "failed");
  }
  return {
    undo: undoing
      ? { undo: incidentId, because: `the execution that made the change ended as ${status}` }
      : null,
    messages: publications(closed === null ? notice : { ...notice, people: closed }, topics),
  };
}
