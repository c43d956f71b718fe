/** What the incident store keeps: of an instance between incidents, and of each incident. */
import * as z from "zod/mini";
import { ChangeResult, HostChange } from "./change.ts";
import { Outcome } from "./closing.ts";
import { DecisionRequest } from "./decision.ts";
import { Diagnosis } from "./diagnosis.ts";
import { Evidence } from "./evidence.ts";
import { FixId } from "./fix.ts";
import { Incident, IncidentId, Trigger } from "./incident.ts";
import { Publication } from "./notice.ts";
import { Plan } from "./plan.ts";
import { StepRecord } from "./step-record.ts";

/** All times: ISO 8601. */
const at = z.string();

/** The lock, and what the cool-down and the circuit breaker need to know. */
export const InstanceRecord = z.object({
  /** Whose turn it is: one incident, worked on by one execution (its ARN). Null when nobody's. */
  open: z.nullable(z.object({ incidentId: IncidentId, execution: z.string(), since: at })),
  /** The incident that was closed last. */
  closed: z.nullable(z.object({ incidentId: IncidentId, at })),
  /** Changes made without a person: `<incident ID>/<fix>` and when. */
  automaticChanges: z.record(z.string(), at),
  /** When a change was last undone because it did not help. */
  undoneAt: z.nullable(at),
});
export type InstanceRecord = z.infer<typeof InstanceRecord>;

export const freshInstance: InstanceRecord = {
  open: null,
  closed: null,
  automaticChanges: {},
  undoneAt: null,
};

/** One thing that was asked of the host: recorded before the command is sent, and again with its result. */
export const HostAction = z.object({
  fix: FixId,
  action: HostChange.shape.action,
  begunAt: at,
  endedAt: z.nullable(at),
  /** Null: sent, or about to be, and no answer recorded. */
  result: z.nullable(ChangeResult),
});
export type HostAction = z.infer<typeof HostAction>;

/** One event that led here: the first opened the incident, later ones joined it. */
export const KnownTrigger = z.object({
  trigger: Trigger,
  joinedAt: at,
  /** When its alarm went back to OK. */
  clearedAt: z.nullable(at),
});
export type KnownTrigger = z.infer<typeof KnownTrigger>;

/** An incident, whole. */
export const IncidentRecord = z.object({
  incident: Incident,
  /** ARN of the execution that opened it. */
  execution: z.string(),
  status: z.enum(["open", "closed"]),
  /** Oldest first; the first opened it. */
  triggers: z.array(KnownTrigger),
  /** Null until there is a diagnosis. */
  findings: z.nullable(z.object({ at, evidence: Evidence, diagnosis: Diagnosis, plan: Plan })),
  /** Oldest first. */
  requests: z.array(DecisionRequest),
  /** In the order in which they were begun. */
  actions: z.array(HostAction),
  /** Finished steps, in the plan's order. */
  steps: z.array(StepRecord),
  closing: z.nullable(z.object({ at, outcome: Outcome, subject: z.string(), body: z.string() })),
});
export type IncidentRecord = z.infer<typeof IncidentRecord>;

/** What is done about an execution that ended badly: decided once, then carried out however often it takes. */
export const Aftermath = z.object({
  /** The incident whose unverified change another execution puts back, and why; null when there is none. */
  undo: z.nullable(z.object({ undo: IncidentId, because: z.string() })),
  messages: z.array(Publication),
});
export type Aftermath = z.infer<typeof Aftermath>;

/** Whether every alarm that led here is back to OK. A person who asked has not changed their mind. */
export function alarmsCleared(triggers: readonly KnownTrigger[]): boolean {
  return (
    triggers.length > 0 &&
    triggers.every(({ trigger, clearedAt }) => trigger.kind === "alarm" && clearedAt !== null)
  );
}
