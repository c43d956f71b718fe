/** From whatever started us to the instances that it is about. */
import * as z from "zod/mini";
import { IncidentId, InstanceId, type Metric, type Trigger } from "./incident.ts";
import { metricNamespace } from "./metrics.ts";
import { Mode } from "./mode.ts";
import { plainLine } from "./plain-text.ts";

export type Triage =
  | {
      decision: "open";
      instanceIds: InstanceId[];
      reason: string;
      trigger: Trigger;
      mode: Mode | null;
      /** Whether a person asks for the active tests. */
      probe: boolean;
      /** The same for every delivery of the same event; null for a start by hand, which is never a repetition. */
      eventKey: string | null;
    }
  /** A person wants the changes of a finished incident undone. */
  | {
      decision: "undo";
      instanceIds: [];
      reason: string;
      incidentId: string;
      force: boolean;
      because: string | null;
    }
  /**
   * `tell`: a person must know, because an alarm or a request of ours leads nowhere.
   * `cleared`: the alarm went back to OK, which withdraws a question that still waits because of it.
   */
  | { decision: "ignore"; instanceIds: []; reason: string; tell: boolean; cleared?: Cleared };

export type Cleared = { alarmName: string; instanceIds: InstanceId[]; at: string };

/** A start by hand, or (with `event`) one instance of an alarm that names several. */
const Manual = z.strictObject({
  instanceId: InstanceId,
  mode: z.optional(Mode),
  /** Also run the tests that send traffic or capture packets. */
  probe: z.optional(z.boolean()),
  /** Connections do fail: a host where nothing is found is then not called healthy. */
  complaint: z.optional(z.boolean()),
  event: z.optional(z.unknown()),
});

/** `nat-medic undo`, or (with `because`) our own RescueIncident. */
const Undo = z.strictObject({
  undo: IncidentId,
  force: z._default(z.boolean(), false),
  because: z._default(z.nullable(z.string()), null),
});

const MetricStat = z.object({
  metric: z.object({
    namespace: z.string(),
    name: z.string(),
    dimensions: z._default(z.record(z.string(), z.string()), {}),
  }),
});

const AlarmStateChange = z.object({
  "detail-type": z.literal("CloudWatch Alarm State Change"),
  id: z.optional(z.string()),
  source: z.literal("aws.cloudwatch"),
  time: z.string(),
  detail: z.object({
    alarmName: z.string(),
    state: z.object({
      value: z.enum(["OK", "ALARM", "INSUFFICIENT_DATA"]),
      reason: z._default(z.string(), ""),
      timestamp: z.optional(z.string()),
    }),
    configuration: z.object({
      metrics: z.optional(z.array(z.object({ metricStat: z.optional(MetricStat) }))),
    }),
    muteDetail: z.optional(z.unknown()),
  }),
});
type AlarmStateChange = z.infer<typeof AlarmStateChange>;

/** `now`: ISO 8601, the moment of a start by hand. */
export function triage(input: unknown, now: string): Triage {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return ignore("the event is not a JSON object", true);
  }
  if ("instanceId" in input) return triageManual(input, now);
  if ("undo" in input) return triageUndo(input);
  const parsed = z.safeParse(AlarmStateChange, input);
  if (parsed.success) return triageAlarm(parsed.data);
  const kind = "detail-type" in input ? plainLine(String(input["detail-type"]), 80) : "none";
  if (kind !== "CloudWatch Alarm State Change") {
    return ignore(`not an event that NAT Medic knows (detail-type: ${kind})`, false);
  }
  const place = plainLine(parsed.error.issues[0]?.path.join(".") ?? "", 80);
  return ignore(`the alarm event is malformed at ${place}`, true);
}

function triageManual(input: object, now: string): Triage {
  const parsed = z.safeParse(Manual, input);
  if (!parsed.success) {
    const field = plainLine(String(parsed.error.issues[0]?.path[0] ?? ""), 40);
    switch (field) {
      case "instanceId":
        return ignore("instanceId is not an EC2 instance ID (i- and 8 or 17 hexadecimal digits)", true);
      case "mode":
        return ignore(`mode is not one of ${Mode.options.join(", ")}`, true);
      default:
        return ignore(
          "a start by hand has instanceId and optionally mode, probe and complaint, nothing else",
          true,
        );
    }
  }
  const { instanceId, mode = null, probe = false, complaint = false, event } = parsed.data;
  if (event === undefined) {
    const trigger: Trigger = { kind: "manual", at: now, complaint };
    const reason = "started by hand";
    return { decision: "open", instanceIds: [instanceId], reason, trigger, mode, probe, eventKey: null };
  }
  const whole = triage(event, now);
  if (whole.decision !== "open") return whole;
  if (!whole.instanceIds.includes(instanceId)) return ignore(`the event is not about ${instanceId}`, true);
  return { ...whole, instanceIds: [instanceId], mode };
}

function triageUndo(input: object): Triage {
  const parsed = z.safeParse(Undo, input);
  if (!parsed.success) return ignore("an undo by hand has undo (an incident ID) and optionally force", true);
  const { undo: incidentId, force, because } = parsed.data;
  const reason = because === null ? "asked for by hand" : plainLine(because, 200);
  return {
    decision: "undo",
    instanceIds: [],
    reason: `undo of ${incidentId}: ${reason}`,
    incidentId,
    force,
    because: because === null ? null : reason,
  };
}

function triageAlarm({ detail, time, id }: AlarmStateChange): Triage {
  const alarmName = plainLine(detail.alarmName, 120);
  const { state, configuration } = detail;
  if (detail.muteDetail !== undefined) return ignore(`the alarm ${alarmName} is muted`, false);
  if (state.value === "INSUFFICIENT_DATA")
    return ignore(`the alarm ${alarmName} has no data to judge`, false);

  const metrics = (configuration.metrics ?? []).flatMap(({ metricStat }) => metricStat?.metric ?? []);
  const named = metrics.flatMap(({ dimensions }) => dimensions.InstanceId ?? []);
  const instanceIds = [...new Set(named.filter((name) => z.safeParse(InstanceId, name).success))];
  const at = plainLine((state.timestamp ?? time).replace(/\+0000$/, "Z"), 40);
  if (state.value === "OK") {
    const cleared = ignore(`the alarm ${alarmName} cleared`, false);
    return instanceIds.length === 0 ? cleared : { ...cleared, cleared: { alarmName, instanceIds, at } };
  }
  if (instanceIds.length === 0) {
    const why =
      named.length > 0 ? "its InstanceId is none" : "none of its metrics has the dimension InstanceId";
    return ignore(`the alarm ${alarmName} leads to no instance: ${why}`, metrics.some(isOurs));
  }
  const metric = metrics.find(({ dimensions }) => dimensions.InstanceId === instanceIds[0]) ?? null;
  return {
    decision: "open",
    instanceIds,
    reason: `the alarm ${alarmName} is in ALARM`,
    trigger: { kind: "alarm", alarmName, metric, reason: plainLine(state.reason, 300), at },
    mode: null,
    probe: false,
    eventKey: plainLine(id ?? `${alarmName} ${at}`, 160),
  };
}

function isOurs({ namespace }: Metric): boolean {
  return namespace === metricNamespace;
}

function ignore(reason: string, tell: boolean): Triage & { decision: "ignore" } {
  return { decision: "ignore", instanceIds: [], reason, tell };
}
