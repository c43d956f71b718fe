/** What a look ahead finds on one instance, as it is kept and told. */
import * as z from "zod/mini";
import { CauseId, Observation } from "../cause.ts";
import { InstanceId } from "../incident.ts";
import { Place } from "../place.ts";

/** A cause that holds now, or one of what only a look ahead finds. */
export const FindingId = z.union([
  CauseId,
  z.enum(["headroom-shrinking", "default-table-on-a-small-instance", "not-watched", "unreadable"]),
]);
export type FindingId = z.infer<typeof FindingId>;

/** When it makes connections fail. */
export const Due = z.discriminatedUnion("when", [
  z.object({ when: z.literal("now") }),
  /** `day`: of UTC, `2026-12-03`; `days`: from the look to it. */
  z.object({ when: z.literal("on-a-day"), day: z.string(), days: z.int().check(z.gte(0)) }),
  z.object({ when: z.literal("at-the-next-boot") }),
  /** Nobody can say when; or it makes none fail, and hides what does. */
  z.object({ when: z.literal("some-day") }),
]);
export type Due = z.infer<typeof Due>;

export const Finding = z.object({
  /** The same for the same trouble of one instance in every run. */
  key: z.string(),
  id: FindingId,
  /** What is or will be wrong, as a sentence's subject and verb. */
  title: z.string(),
  evidence: z.array(Observation),
  due: Due,
  /** What to do about it; its commands as somebody may type them, and where. */
  advice: z.object({ action: z.string(), commands: z.array(z.string()), where: z.string() }),
  /** ISO 8601: the run that found it first. */
  since: z.string(),
});
export type Finding = z.infer<typeof Finding>;

/** What could not be judged this time, by the key of the finding that it would have been. */
export const Unjudged = z.object({ key: z.string(), missing: z.string() });
export type Unjudged = z.infer<typeof Unjudged>;

/** How full the fullest SNAT port space was when it was looked at: CloudWatch has no metric of it. */
export const PortUse = z.object({
  /** Unix seconds. */
  at: z.int(),
  /** Percent of its ports. */
  percent: z.number(),
});
export type PortUse = z.infer<typeof PortUse>;

/** One look at one instance. */
export const Review = z.object({
  runId: z.string().check(z.minLength(1), z.maxLength(100)),
  /** ISO 8601. */
  at: z.string(),
  instanceId: InstanceId,
  place: z.nullable(Place),
  /** The most urgent first. */
  findings: z.array(Finding),
  /** Of the look before, and surely no more. */
  gone: z.array(Finding),
  /** Of the look before, and not to be judged this time: neither here nor gone. */
  pending: z.array(Finding),
  unjudged: z.array(Unjudged),
  /** Of the last fortnight, the oldest first. */
  portUse: z.array(PortUse),
});
export type Review = z.infer<typeof Review>;
