/** The end of an incident in the store. */
import {
  closeIncident,
  decideRequest,
  keepStep,
  readIncident,
  releaseInstance,
  whoseExecution,
} from "../../aws/incident-store.ts";
import type { Closing, Outcome } from "../../core/closing.ts";
import type { IncidentRecord } from "../../core/incident-record.ts";
import type { Message } from "../../core/notice.ts";
import { environment } from "../environment.ts";

/** The incident of this execution as the store has it; also when the machine never learned that it was opened. */
export async function whatIsKept({ incident, execution }: Closing): Promise<IncidentRecord | undefined> {
  const table = environment.table();
  const id = incident?.id ?? (await whoseExecution(table, execution))?.incidentId;
  return id === undefined ? undefined : await readIncident(table, id);
}

/** False when the incident was closed before, with another outcome. */
export async function keepOutcome(
  { at, steps, undo }: Closing,
  { incident, requests, steps: keptSteps }: IncidentRecord,
  { outcome, subject, body }: Message & { outcome: Outcome },
): Promise<boolean> {
  const table = environment.table();
  for (const request of requests.filter(({ decided }) => decided === null)) {
    const nobody = { decision: "nobody" as const, by: "", note: "", at };
    await decideRequest(table, incident.id, request.secretHash, nobody, at);
  }
  if (undo !== null) {
    for (const record of steps) {
      const position = keptSteps.findIndex(({ step }) => step.fix === record.step.fix);
      await keepStep(table, incident.id, position === -1 ? keptSteps.length : position, record);
    }
  }
  const mine = await closeIncident(table, incident.id, { at, outcome, subject, body });
  await releaseInstance(table, incident.instanceId, incident.id, at);
  return mine;
}
