/** Whether an event becomes an incident, and in which mode. */
import * as z from "zod/mini";
import { Incident, type InstanceId, incidentId } from "./incident.ts";
import { Mode, stricter } from "./mode.ts";
import type { Triage } from "./triage.ts";

/** Only instances that carry this tag are ever looked at; IAM says the same. */
export const enrolTag = { key: "nat-medic:enabled", value: "true" } as const;
/** Makes one instance stricter than the stack. */
export const modeTag = "nat-medic:mode";

export const Opening = z.discriminatedUnion("decision", [
  z.object({ decision: z.literal("open"), incident: Incident }),
  /** Several instances: one execution each. */
  z.object({ decision: z.literal("fan-out"), instanceIds: z.array(z.string()) }),
  z.object({ decision: z.literal("ignore"), reason: z.string() }),
  /** Nothing is done, and a person is told why. */
  z.object({ decision: z.literal("refuse"), subject: z.string(), reason: z.string() }),
]);
export type Opening = z.infer<typeof Opening>;

export type InstanceTags = Readonly<Record<string, string>>;

export type OpeningFacts = {
  triage: Triage;
  stackMode: Mode;
  /** Tags of the one instance, `undefined` when EC2 does not know it. Asked only when there is one instance. */
  tags: InstanceTags | undefined;
  execution: { name: string; startedAt: string };
};

/** The instance whose tags `open` needs to see, if it needs any. */
export function instanceToLookUp(triage: Triage): InstanceId | undefined {
  return triage.instanceIds.length === 1 ? triage.instanceIds[0] : undefined;
}

export function open({ triage, stackMode, tags, execution }: OpeningFacts): Opening {
  if (triage.decision === "ignore") {
    const { reason, tell } = triage;
    return tell ? { decision: "refuse", subject: "an event", reason } : { decision: "ignore", reason };
  }
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
  return {
    decision: "open",
    incident: {
      id: incidentId(execution.startedAt, instanceId, execution.name),
      instanceId,
      ...modeFor(triage, stackMode, tags?.[modeTag]),
      trigger,
      openedAt: execution.startedAt,
    },
  };
}

/** A person's word counts as it is; an alarm gets the stricter of stack and instance. */
function modeFor(triage: Triage & { decision: "open" }, stackMode: Mode, tag: string | undefined) {
  if (triage.mode !== null) return { mode: triage.mode, modeReason: "asked for by hand" };
  if (tag === undefined) return { mode: stackMode, modeReason: "the stack's mode" };
  const parsed = z.safeParse(Mode, tag);
  if (!parsed.success) {
    return {
      mode: "propose" as const,
      modeReason: `the tag ${modeTag} has no known value, so nothing is changed`,
    };
  }
  const mode = stricter(stackMode, parsed.data);
  return {
    mode,
    modeReason: `the stricter of the stack's mode (${stackMode}) and the instance's (${parsed.data})`,
  };
}
