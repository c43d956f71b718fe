/** What a dead execution leaves behind, put in order; asked twice, it finds everything done. */
import { closeIncident, releaseInstance } from "../../aws/incident-store.ts";
import { startExecution } from "../../aws/stepfunctions.ts";
import type { IncidentRecord } from "../../core/incident-record.ts";
import { environment } from "../environment.ts";

export type Left = {
  held: { incidentId: string; instanceId: string };
  /** Undefined when it died between taking the instance and opening the incident. */
  record: IncidentRecord | undefined;
  closing: { at: string; subject: string; body: string };
  /** Why the changes it began are to be undone; null when it began none, or finished them. */
  undoBecause: string | null;
};

export async function leaveBehind({ held, record, closing, undoBecause }: Left): Promise<void> {
  const { incidentId, instanceId } = held;
  const table = environment.table();
  if (record?.status === "open") await closeIncident(table, incidentId, { ...closing, outcome: "failed" });
  await releaseInstance(table, instanceId, incidentId, closing.at);
  if (undoBecause === null) return;
  const input = { undo: incidentId, because: undoBecause };
  await startExecution(environment.stateMachineArn(), `${incidentId}-rescue`, input);
}
