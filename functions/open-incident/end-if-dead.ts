/** Stopped while this function ran, an execution was put in order by others, who may not have seen what it opened. */
import { closeIncident, isDead, readIncident, releaseInstance } from "../../aws/incident-store.ts";
import type { Incident } from "../../core/incident.ts";
import { deathNotice } from "../../core/report/death.ts";
import { environment } from "../environment.ts";

/** @throws Error when it is dead; the incident is closed and the instance free then */
export async function endIfDead(incident: Incident, execution: string, now: string): Promise<void> {
  const table = environment.table();
  if (!(await isDead(table, execution))) return;
  const record = (await readIncident(table, incident.id)) ?? null;
  const { people } = deathNotice({ record, execution, status: "ABORTED", cause: "", undoing: false });
  await closeIncident(table, incident.id, { at: now, outcome: "failed", ...people });
  await releaseInstance(table, incident.instanceId, incident.id, now);
  throw new Error(`${execution} has ended`);
}
