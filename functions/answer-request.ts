/** The one place where an answer to a request for a decision takes effect, whoever gives it and by whatever way. */
import { decideRequest, deliveredRequest, readIncident } from "../aws/incident-store.ts";
import { answerTask } from "../aws/stepfunctions.ts";
import { type Decided, type DecisionRequest, type RequestState, stateOf } from "../core/decision.ts";
import { plainLine } from "../core/plain-text.ts";

/** How long a person's note may be, in characters. */
export const longestNote = 500;

/**
 * What holds for the request now: by this answer, or by an earlier one, which then stands.
 * `too-late`: recorded, but Step Functions waits for it no more, or has it from before.
 */
export type Answered = Exclude<RequestState, "waiting"> | "too-late";

/**
 * Records first, then tells Step Functions, then notes that it knows: whoever is interrupted in between calls again,
 * and the decision that was recorded first is the one that is delivered.
 * `decided.by` and `decided.note` may be anybody's words: they are kept as plain lines. `now`: ISO 8601.
 */
export async function answerRequest(
  table: string,
  incidentId: string,
  request: DecisionRequest,
  decided: Decided,
  now: string,
): Promise<Answered> {
  const answer: Decided = {
    ...decided,
    by: plainLine(decided.by, 200),
    note: plainLine(decided.note, longestNote),
  };
  if (request.decided === null) await decideRequest(table, incidentId, request.secretHash, answer, now);
  // Read again: who decided first counts, and the state machine may wait with another token by now.
  const known = await readIncident(table, incidentId);
  const standing = known?.requests.find(({ secretHash }) => secretHash === request.secretHash);
  if (standing === undefined) throw new Error(`the incident store has no such request of ${incidentId}`);
  return await deliver(table, incidentId, standing, now);
}

/** Tells Step Functions what was decided, unless nothing was or it knows: for a request that was left in between. */
export async function deliver(
  table: string,
  incidentId: string,
  request: DecisionRequest,
  now: string,
): Promise<Answered> {
  const { decided, delivered, taskToken, secretHash } = request;
  const state = stateOf(request, now);
  // Undecided and yet refused by the store: its clock is the caller's, so this is the moment of expiry.
  if (decided === null || state === "waiting") return "lapsed";
  if (delivered) return state;
  if ((await answerTask(taskToken, decided)) === "too-late") return "too-late";
  await deliveredRequest(table, incidentId, secretHash);
  return state;
}
