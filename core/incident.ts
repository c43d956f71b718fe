/** One trouble of one instance, from its trigger to its outcome. */
import * as z from "zod/mini";
import { allowances, publishedMetrics } from "./metrics.ts";
import { Mode } from "./mode.ts";
import { Place } from "./place.ts";

/** EC2's own format: 8 or 17 hexadecimal digits. */
export const InstanceId = z.string().check(z.regex(/^i-([0-9a-f]{8}|[0-9a-f]{17})$/));
export type InstanceId = z.infer<typeof InstanceId>;

/**
 * The metrics whose alarms the present causes can explain, in whichever namespace: ours, and what the CloudWatch agent
 * (that of fck-nat and alterNAT too) and EC2 publish, for an instance or for its whole Auto Scaling group.
 */
export const judgedMetrics: readonly string[] = [
  ...Object.keys(publishedMetrics),
  // As the CloudWatch agent names what `ethtool -S` counts.
  ...allowances.map((allowance) => `ethtool_${allowance}_allowance_exceeded`),
  "ethtool_conntrack_allowance_available",
  // The same as deltas, since its version 1.300065, in CWAgent/System.
  "aggregate_bw_in_allowance_exceeded",
  "aggregate_bw_out_allowance_exceeded",
  "aggregate_pps_allowance_exceeded",
  "StatusCheckFailed",
  "StatusCheckFailed_Instance",
  "StatusCheckFailed_System",
];

export const Metric = z.object({
  namespace: z.string(),
  name: z.string(),
  dimensions: z.record(z.string(), z.string()),
});
export type Metric = z.infer<typeof Metric>;

export const Trigger = z.discriminatedUnion("kind", [
  z.object({
    kind: z.literal("alarm"),
    alarmName: z.string(),
    /** Null when the alarm watches none that we could single out. */
    metric: z.nullable(Metric),
    /** CloudWatch's own words. */
    reason: z.string(),
    /** ISO 8601. */
    at: z.string(),
    /** The alarm below a composite alarm that its state comes from. */
    child: z.optional(z.string()),
    /** One series of an alarm that watches many instances. */
    contributor: z.optional(z.boolean()),
    /** The alarm watches how often something is published: nothing is any more. */
    silent: z.optional(z.boolean()),
  }),
  /** `complaint`: whoever started it says that connections fail. */
  z.object({ kind: z.literal("manual"), at: z.string(), complaint: z._default(z.boolean(), false) }),
]);
export type Trigger = z.infer<typeof Trigger>;

export const IncidentId = z.string().check(z.regex(/^inc-[a-z0-9-]{8,60}$/));

export const Incident = z.object({
  id: IncidentId,
  instanceId: InstanceId,
  mode: Mode,
  /** Why this mode and no other, for people. */
  modeReason: z.string(),
  trigger: Trigger,
  /** ISO 8601. */
  openedAt: z.string(),
  /** Changes that may still be made without a person, by the circuit breaker. */
  automaticChangesLeft: z.int().check(z.gte(0)),
  /** Whether a person asked for the tests that send traffic or capture packets. */
  probe: z._default(z.boolean(), false),
  place: z._default(z.nullable(Place), null),
});
export type Incident = z.infer<typeof Incident>;

/**
 * The same execution always names the same incident, so that a retried step finds what it began.
 * `startedAt`: ISO 8601; `executionName`: unique among the state machine's executions for 90 days.
 */
export function incidentId(startedAt: string, instanceId: InstanceId, executionName: string): string {
  const time = startedAt
    .replace(/\.\d+/, "")
    .replace(/[^0-9TZ]/g, "")
    .toLowerCase();
  const name = executionName.toLowerCase().replace(/[^a-z0-9]/g, "");
  return `inc-${time.slice(0, 16)}-${instanceId.slice(-8)}-${name.slice(-12)}`;
}
