/** Whether an event becomes an incident, joins one, or waits; and in which mode. */
import * as z from "zod/mini";
import { Incident, IncidentId, type InstanceId, incidentId } from "./incident.ts";
import type { InstanceRecord } from "./incident-record.ts";
import { Mode, stricter } from "./mode.ts";
import { StepRecord } from "./step-record.ts";
import { Selection } from "./triage/by-hand.ts";
import type { Triage } from "./triage.ts";

/** Only instances that carry this tag are ever looked at; IAM says the same. */
export const enrolTag = { key: "nat-medic:enabled", value: "true" } as const;
/** Makes one instance stricter than the stack. */
export const modeTag = "nat-medic:mode";

export const Opening = z.discriminatedUnion("decision", [
  z.object({ decision: z.literal("open"), incident: Incident }),
  /** Several instances: one execution each. */
  z.object({ decision: z.literal("fan-out"), instanceIds: z.array(z.string()) }),
  /** A person starts several: the machine for many finds them and starts one execution each. */
  z.object({
    decision: z.literal("fleet"),
    selection: Selection,
    mode: z.nullable(Mode),
    probe: z.boolean(),
    complaint: z.boolean(),
  }),
  /** The instance has an open incident, which knows of this event now. */
  z.object({ decision: z.literal("join"), incidentId: IncidentId, reason: z.string() }),
  /** The cool-down after an incident, or the end of a mute or suppression; asked again at `until`, ISO 8601. */
  z.object({ decision: z.literal("wait"), until: z.string(), reason: z.string() }),
  /** Undo what a finished incident changed, the last change first. */
  z.object({
    decision: z.literal("undo"),
    incident: Incident,
    steps: z.array(StepRecord),
    force: z.boolean(),
    /** Null when a person asked. */
    reason: z.nullable(z.string()),
  }),
  z.object({ decision: z.literal("ignore"), reason: z.string() }),
  /** Nothing is done, and a person is told why. */
  z.object({ decision: z.literal("refuse"), subject: z.string(), reason: z.string() }),
]);
export type Opening = z.infer<typeof Opening>;

export type InstanceTags = Readonly<Record<string, string>>;

/** Parameters of the stack. */
export type Limits = {
  /** Seconds after an incident in which alarms on the instance wait. */
  coolDownSeconds: number;
  /** Automatic changes on one instance in 24 hours, after which it falls back to `propose`. */
  automaticChangesPerDay: number;
};

export type OpeningFacts = {
  triage: Triage & { decision: "open" };
  stackMode: Mode;
  limits: Limits;
  /** Tags of the one instance, `undefined` when EC2 does not know it. Asked only when there is one instance. */
  tags: InstanceTags | undefined;
  /** What is known of the instance; not asked when there are several. */
  record: InstanceRecord;
  execution: { arn: string; name: string; startedAt: string };
  /** ISO 8601. */
  now: string;
};

/** A lock older than the longest execution (the state machine's own limit, four days) belongs to nobody. */
const longestExecutionSeconds = 345_600;
const daySeconds = 86_400;

/** The instance whose tags and record `open` needs to see, if it needs any. */
export function instanceToLookUp(triage: Triage): InstanceId | undefined {
  return triage.instanceIds.length === 1 ? triage.instanceIds[0] : undefined;
}

export function open(facts: OpeningFacts): Opening {
  const { triage, tags, record, execution, now, limits } = facts;
  const { trigger, instanceIds } = triage;
  const [instanceId, ...others] = instanceIds;
  if (instanceId === undefined) return { decision: "ignore", reason: "the event is about no instance" };
  if (others.length > 0) return { decision: "fan-out", instanceIds };

  const mine = tags?.[enrolTag.key] === enrolTag.value;
  if (!mine) {
    const lacks =
      tags === undefined
        ? "EC2 knows no such instance here"
        : `it lacks the tag ${enrolTag.key}=${enrolTag.value}`;
    const reason = `${instanceId} is not watched by NAT Medic: ${lacks}`;
    // An alarm about somebody else's instance is no news; a person who asked by hand waits for an answer.
    return trigger.kind === "manual"
      ? { decision: "refuse", subject: instanceId, reason }
      : { decision: "ignore", reason };
  }

  if (triage.quiet !== null && Date.parse(now) < Date.parse(triage.quiet.until)) {
    return { decision: "wait", ...triage.quiet };
  }
  const holder = holderOf(record, now);
  if (holder !== undefined && holder.execution !== execution.arn) {
    const reason = `${instanceId} has the open incident ${holder.incidentId}, which this event joins`;
    return { decision: "join", incidentId: holder.incidentId, reason };
  }
  const quietUntil = coolDownEnd(record, limits);
  if (holder === undefined && trigger.kind === "alarm" && Date.parse(now) < quietUntil) {
    const until = new Date(quietUntil).toISOString();
    return { decision: "wait", until, reason: `${instanceId} cools down after ${record.closed?.incidentId}` };
  }
  return {
    decision: "open",
    incident: {
      id: incidentId(execution.startedAt, instanceId, execution.name),
      instanceId,
      ...allowance(facts, tags[modeTag]),
      trigger,
      openedAt: execution.startedAt,
      probe: triage.probe,
      place: triage.place,
    },
  };
}

/** The incident that works on the instance now, if any. */
export function holderOf(
  { open: held }: InstanceRecord,
  now: string,
): NonNullable<InstanceRecord["open"]> | undefined {
  if (held === null) return undefined;
  const age = (Date.parse(now) - Date.parse(held.since)) / 1000;
  return age <= longestExecutionSeconds ? held : undefined;
}

/** Unix milliseconds. */
function coolDownEnd({ closed }: InstanceRecord, { coolDownSeconds }: Limits): number {
  return closed === null ? 0 : Date.parse(closed.at) + coolDownSeconds * 1000;
}

/** The mode, why, and how many automatic changes the circuit breaker leaves. */
function allowance({ triage, stackMode, record, limits, now }: OpeningFacts, tag: string | undefined) {
  const withinADay = (at: string) => Date.parse(now) - Date.parse(at) < daySeconds * 1000;
  const changes = Object.values(record.automaticChanges).filter(withinADay).length;
  const automaticChangesLeft = Math.max(0, limits.automaticChangesPerDay - changes);
  // A person's word counts as it is, also against the circuit breaker: somebody looks at it now.
  if (triage.mode !== null) {
    const { automaticChangesPerDay } = limits;
    return {
      mode: triage.mode,
      modeReason: "asked for by hand",
      automaticChangesLeft: automaticChangesPerDay,
    };
  }
  const chosen = modeFor(stackMode, tag);
  if (chosen.mode !== "propose" && record.undoneAt !== null && withinADay(record.undoneAt)) {
    const modeReason = `circuit breaker: a change on this instance was undone at ${record.undoneAt}, so nothing is changed for 24 hours after that`;
    return { mode: "propose" as const, modeReason, automaticChangesLeft };
  }
  if (chosen.mode === "apply" && automaticChangesLeft === 0) {
    const modeReason = `circuit breaker: ${changes} automatic changes on this instance in 24 hours`;
    return { mode: "propose" as const, modeReason, automaticChangesLeft };
  }
  return { ...chosen, automaticChangesLeft };
}

/** For an alarm: the stricter of stack and instance. */
export function modeFor(stackMode: Mode, tag: string | undefined): { mode: Mode; modeReason: string } {
  if (tag === undefined) return { mode: stackMode, modeReason: "the stack's mode" };
  const parsed = z.safeParse(Mode, tag);
  if (!parsed.success) {
    return { mode: "propose", modeReason: `the tag ${modeTag} has no known value, so nothing is changed` };
  }
  return {
    mode: stricter(stackMode, parsed.data),
    modeReason: `the stricter of the stack's mode (${stackMode}) and the instance's (${parsed.data})`,
  };
}
