/** Whether a question need not be put to people: the alarm has cleared, or they have it already. */
import { decideRequest, readIncident, renewRequest } from "../../aws/incident-store.ts";
import type { DecisionRequest } from "../../core/decision.ts";
import { alarmsCleared } from "../../core/incident-record.ts";
import { answerRequest } from "../answer-request.ts";

export async function isSettled(
  table: string,
  incidentId: string,
  request: DecisionRequest,
): Promise<boolean> {
  const record = await readIncident(table, incidentId);
  if (record === undefined) throw new Error(`the incident store has no ${incidentId}`);
  const { askedAt: at, secretHash, taskToken } = request;
  const withdraw = (note: string) => ({ decision: "withdrawn" as const, by: "NAT Medic", note, at });
  if (alarmsCleared(record.triggers)) {
    await answerRequest(table, incidentId, request, withdraw("the alarm cleared"), at);
    return true;
  }
  // Asked before, by a function that died: whoever was told has a link that works, one that nobody has is replaced.
  const earlier = record.requests.filter(
    (other) => other.decided === null && other.secretHash !== secretHash,
  );
  const told = earlier.find(({ toldAt }) => toldAt !== null);
  if (told !== undefined) await renewRequest(table, incidentId, told.secretHash, taskToken);
  const replaced = told === undefined ? earlier : [request];
  for (const other of replaced) {
    await decideRequest(table, incidentId, other.secretHash, withdraw("replaced by another request"), at);
  }
  return told !== undefined;
}
