/** The incident of the scenario conntrack-table-full, from what the lab's kernel answered, at each of its moments. */
import type { ChangeResult, HostChange } from "../../core/change.ts";
import type { Closing } from "../../core/closing.ts";
import type { Decided } from "../../core/decision.ts";
import type { IncidentRecord, KnownTrigger } from "../../core/incident-record.ts";
import { stepsToAsk } from "../../core/plan.ts";
import type { ApprovalRequest } from "../../core/report/approval.ts";
import type { StepRecord } from "../../core/step-record.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

export const execution =
  "arn:aws:states:eu-central-1:123456789012:execution:nat-medic-remediate:abcdef012345";

export function closingOf(
  { incident, findings, steps }: IncidentRecord,
  change: Partial<Closing> = {},
): Closing {
  return {
    at: "2026-11-20T03:27:00.000Z",
    execution,
    incident,
    cloud: findings?.evidence.cloud ?? null,
    diagnosis: findings?.diagnosis ?? null,
    plan: findings?.plan ?? null,
    steps,
    refusal: null,
    undo: null,
    failure: null,
    ...change,
  };
}

export const fixed = closingOf(fixedIncident());
export const [raised, shortened] = fixed.steps as [StepRecord, StepRecord];

/** The first step, with what came of it. */
export const step = (change: Partial<StepRecord>): StepRecord => ({
  step: raised.step,
  answer: null,
  skipped: null,
  applied: null,
  verification: null,
  persisted: null,
  undone: null,
  ...change,
});

export const told = (change: Partial<HostChange>): ChangeResult => {
  if (raised.applied?.status !== "told") throw new Error("the recording has no applied change");
  return { status: "told", change: { ...raised.applied.change, ...change } };
};

export const untold: ChangeResult = { status: "untold", detail: "the command was killed at its time limit" };

/** 2026-11-20 03:36:00 UTC. */
export const restoresAt = Date.parse("2026-11-20T03:36:00.000Z") / 1000;

export const decided = (decision: Decided["decision"], note = ""): Decided => ({
  decision,
  by: "Ana, 192.0.2.7",
  note,
  at: "2026-11-20T03:20:00.000Z",
});

const [first] = fixedIncident().triggers as [KnownTrigger];
export const triggers: KnownTrigger[] = [
  { ...first, clearedAt: "2026-11-20T03:25:00.000Z" },
  {
    trigger: { ...first.trigger, kind: "alarm", alarmName: "nat-a-ena", metric: null, reason: "" },
    joinedAt: "2026-11-20T03:14:00.000Z",
    clearedAt: null,
  },
];

export function request(): ApprovalRequest {
  const { incident, findings, requests } = askedIncident();
  return {
    incident,
    diagnosis: findings!.diagnosis,
    plan: findings!.plan,
    steps: stepsToAsk(findings!.plan, 0),
    link: `https://abc.lambda-url.eu-central-1.on.aws/incidents/${incident.id}?key=c2VjcmV0`,
    taskToken: "T0ken/+=",
    patience: 14_400,
    expiresAt: requests[0]!.expiresAt,
  };
}
