/** What the page has to say of its question: more than the question itself knows. */
import { type DecisionRequest, type RequestState, stateOf } from "../decision.ts";
import type { IncidentRecord } from "../incident-record.ts";

export type PageState =
  | RequestState
  /** A person decided, but the state machine had gone on without an answer. */
  | "late"
  /** Nobody decided, and the incident was closed meanwhile. */
  | "over"
  /** A newer question of the same incident took its place. */
  | "replaced";

/** `now`: ISO 8601. */
export function pageState(record: IncidentRecord, request: DecisionRequest, now: string): PageState {
  const state = stateOf(request, now);
  switch (state) {
    case "waiting":
      if (record.closing !== null) return "over";
      return askedAgain(record, request) ? "replaced" : "waiting";
    case "approved":
    case "rejected":
      return wasHeard(record, request) ? state : "late";
    case "withdrawn":
      return askedAgain(record, request) ? "replaced" : "withdrawn";
    case "lapsed":
      return state;
    default:
      return state satisfies never;
  }
}

/** A later question that is withdrawn was never put to anybody, and this one stands. */
function askedAgain({ requests }: IncidentRecord, { secretHash }: DecisionRequest): boolean {
  const place = requests.findIndex((request) => request.secretHash === secretHash);
  return requests.slice(place + 1).some(({ decided }) => decided?.decision !== "withdrawn");
}

/** False once finished steps say that they went on with another answer. */
function wasHeard({ steps, closing }: IncidentRecord, { fixes, decided }: DecisionRequest): boolean {
  const finished = steps.filter(({ step }) => fixes.includes(step.fix));
  if (finished.length === 0) return closing === null || decided?.decision === "reject";
  return finished.some(({ answer }) => answer?.decision === decided?.decision);
}
