/** Whether a question need not be put to people: the alarm has cleared, they have it already, or even answered it. */
import { decideRequest, readIncident, renewRequest } from "../../aws/incident-store.ts";
import type { DecisionRequest } from "../../core/decision.ts";
import { alarmsCleared } from "../../core/incident-record.ts";
import { answerRequest, deliver } from "../answer-request.ts";

export async function isSettled(
  table: string,
  incidentId: string,
  request: DecisionRequest,
): Promise<boolean> {
  const record = await readIncident(table, incidentId);
  if (record === undefined) throw new Error(`the incident store has no ${incidentId}`);
  const { askedAt: at, taskToken } = request;
  const withdrawn = (note: string) => ({ decision: "withdrawn" as const, by: "NAT Medic", note, at });
  const replace = ({ secretHash: other }: DecisionRequest) =>
    decideRequest(table, incidentId, other, withdrawn("replaced by another request"), at);

  if (alarmsCleared(record.triggers)) {
    await answerRequest(table, incidentId, request, withdrawn("the alarm cleared"), at);
    return true;
  }
  // Asked before, by a function that died, for a task that waits no more: this one waits instead.
  const earlier = record.requests.filter((other) => !isThe(request)(other) && !other.delivered);
  const known = earlier.find(isKnown);
  if (known === undefined) {
    for (const other of earlier) await replace(other);
    return false;
  }
  await replace(request);
  await renewRequest(table, incidentId, known.secretHash, taskToken);
  // Read again: whoever decided before the renewal answered the task that waits no more.
  const renewed = (await readIncident(table, incidentId))?.requests.find(isThe(known));
  if (renewed?.decided != null) await deliver(table, incidentId, renewed, at);
  return true;
}

/** Somebody has its link, or has used it: a link that nobody may have is replaced instead. */
function isKnown({ decided, toldAt }: DecisionRequest): boolean {
  return decided === null ? toldAt !== null : decided.decision === "approve" || decided.decision === "reject";
}

const isThe =
  ({ secretHash }: DecisionRequest) =>
  (other: DecisionRequest) =>
    other.secretHash === secretHash;
