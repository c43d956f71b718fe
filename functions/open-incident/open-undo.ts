/** Opens a finished incident again, to undo what it changed. */
import { tagsOf } from "../../aws/ec2.ts";
import {
  readIncident,
  readInstance,
  rememberExecution,
  reopenIncident,
  takeInstance,
} from "../../aws/incident-store.ts";
import { enrolTag, holderOf, type Opening } from "../../core/opening.ts";
import { changesToUndo } from "../../core/undo.ts";
import { environment } from "../environment.ts";
import { inPlace } from "../in-place.ts";
import { endIfDead } from "./end-if-dead.ts";
import type { Asked } from "./open-instance.ts";

export async function openUndo({ triaged, execution, now }: Asked<"undo">): Promise<Opening> {
  const { incidentId, force, because } = triaged;
  const refuse = (reason: string): Opening => ({ decision: "refuse", subject: incidentId, reason });
  const table = environment.table();
  const record = await readIncident(table, incidentId);
  if (record === undefined) return refuse(`no incident ${incidentId} is kept`);
  const { incident } = record;
  const { instanceId } = incident;
  const steps = changesToUndo(record);
  if (steps.length === 0) return refuse(`${incidentId} has no change in force that could be undone`);
  const tags = await inPlace(incident.place, () => tagsOf(instanceId), incidentId);
  if (tags?.[enrolTag.key] !== enrolTag.value) {
    return refuse(`${instanceId} is gone, or lacks the tag ${enrolTag.key}=${enrolTag.value}`);
  }
  const instance = await readInstance(table, instanceId);
  const held = holderOf(instance, now);
  const busy = held !== undefined && held.execution !== execution.arn;
  await rememberExecution(table, execution.arn, { incidentId, instanceId });
  const holder = { incidentId, execution: execution.arn, since: now };
  if (busy || !(await takeInstance(table, instanceId, holder, instance))) {
    return refuse(`${instanceId} is being worked on: ask again when that incident is closed`);
  }
  await reopenIncident(table, incidentId);
  await endIfDead(incident, execution.arn, now);
  return { decision: "undo", incident, steps, force, reason: because };
}
