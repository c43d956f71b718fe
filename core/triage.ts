/** From whatever started us to the instances that it is about. */
import * as z from "zod/mini";
import type { InstanceId, Trigger } from "./incident.ts";
import { metricNamespace } from "./metrics.ts";
import { Mode } from "./mode.ts";
import { Place } from "./place.ts";
import { plainLine } from "./plain-text.ts";
import { type AlarmEvent, alarmEventOf, detailTypes } from "./triage/alarm-event.ts";
import { Many, One, type Selection, selectionOf, Undo } from "./triage/by-hand.ts";
import { followed, type Lead, quietSeries, type Subject } from "./triage/leads.ts";
import { isGrouped } from "./triage/query.ts";
import { type Answers, noAnswers, type Questions } from "./triage/questions.ts";
import { quietOf } from "./triage/quiet.ts";

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
      place: Place | null;
      /** The alarm's name as it came, to ask with; null for a start by hand. */
      alarm: string | null;
      /** The alarm is muted or suppressed until then, ISO 8601; and is looked at again. Null: it is heard now. */
      quiet: { until: string; reason: string } | null;
    }
  /** The instances are not in the event: asked again with the answers, it decides. */
  | { decision: "look-up"; instanceIds: []; reason: string; questions: Questions; place: Place | null }
  /** A person starts several: one incident for each that is enrolled. */
  | {
      decision: "fleet";
      instanceIds: [];
      reason: string;
      selection: Selection;
      mode: Mode | null;
      probe: boolean;
      complaint: boolean;
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

export type TriageContext = {
  /** ISO 8601. */
  now: string;
  /** Where the stack is; null when nobody knows, as on somebody's desk. */
  home: Place | null;
  answers?: Answers;
};

/** More instances than any event can mean; the others would be somebody's mistake. */
const mostInstances = 500;

export function triage(input: unknown, context: TriageContext): Triage {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    return ignore("the event is not a JSON object", true);
  }
  if ("instanceId" in input) return triageOne(input, context);
  if ("instanceIds" in input || "tag" in input || "fleet" in input) return triageMany(input);
  if ("undo" in input) return triageUndo(input);
  return triageEvent(input, context, null);
}

function triageOne(input: object, context: TriageContext): Triage {
  const parsed = z.safeParse(One, input);
  if (!parsed.success) {
    const field = plainLine(String(parsed.error.issues[0]?.path[0] ?? ""), 40);
    switch (field) {
      case "instanceId":
        return ignore("instanceId is not an EC2 instance ID (i- and 8 or 17 hexadecimal digits)", true);
      case "mode":
        return ignore(wrongMode, true);
      case "account":
      case "region":
        return ignore(`${field} is not one of AWS`, true);
      default:
        return ignore(
          "a start by hand has instanceId and optionally mode, probe, complaint, account and region, nothing else",
          true,
        );
    }
  }
  const { instanceId, mode = null, probe = false, complaint = false, event } = parsed.data;
  if (event === undefined) {
    const { account, region } = parsed.data;
    return {
      decision: "open",
      instanceIds: [instanceId],
      reason: "started by hand",
      trigger: { kind: "manual", at: context.now, complaint },
      mode,
      probe,
      eventKey: null,
      place: placeOf({ ...(account && { account }), ...(region && { region }) }, context.home),
      alarm: null,
      quiet: null,
    };
  }
  if (typeof event !== "object" || event === null) return ignore("the event is not a JSON object", true);
  const whole = triageEvent(event, context, instanceId);
  if (whole.decision !== "open") return whole;
  if (!whole.instanceIds.includes(instanceId)) return ignore(`the event is not about ${instanceId}`, true);
  return { ...whole, instanceIds: [instanceId], mode };
}

const wrongMode = `mode is not one of ${Mode.options.join(", ")}`;

function triageMany(input: object): Triage {
  const parsed = z.safeParse(Many, input);
  if (!parsed.success) {
    const wrong = "mode" in input && !z.safeParse(Mode, input.mode).success;
    const rule =
      "a start of several has instanceIds (a list), tag (key=value) or fleet (true), and optionally mode, probe and complaint, nothing else";
    return ignore(wrong ? wrongMode : rule, true);
  }
  const { mode = null, probe = false, complaint = false } = parsed.data;
  const selection = selectionOf(parsed.data);
  return {
    decision: "fleet",
    instanceIds: [],
    reason: `started by hand for ${selectionText(selection)}`,
    selection,
    mode,
    probe,
    complaint,
  };
}

function selectionText({ instanceIds, tag }: Selection): string {
  if (instanceIds !== undefined) {
    return instanceIds.length === 1 ? "one instance" : `${instanceIds.length} instances`;
  }
  if (tag === undefined) return "every enrolled instance";
  return `every enrolled instance with the tag ${plainLine(`${tag.key}=${tag.value}`, 120)}`;
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

/** `only`: one of the instances that the event led to, in an execution of its own. */
function triageEvent(input: object, context: TriageContext, only: InstanceId | null): Triage {
  const event = alarmEventOf(input);
  if (typeof event === "string") return ignore(`the alarm event is malformed at ${event}`, true);
  if (event !== undefined) return triageAlarm(event, context, only);
  const kind = "detail-type" in input ? plainLine(String(input["detail-type"]), 80) : "none";
  return kind === detailTypes.configuration
    ? ignore("an alarm was created, changed or deleted, which is no trouble of an instance", false)
    : ignore(`not an event that NAT Medic knows (detail-type: ${kind})`, false);
}

function triageAlarm(event: AlarmEvent, context: TriageContext, only: InstanceId | null): Triage {
  const { name, subject, state } = event;
  if (state === "INSUFFICIENT_DATA") return ignore(`the alarm ${name} has no data to judge`, false);
  if (state === "OK" && isOverSeries(subject)) {
    return ignore(`the alarm ${name} cleared as a whole; each of its series is told of by itself`, false);
  }
  const quiet = state === "OK" ? { heard: "now" as const } : quietOf(event, context.now);
  if (quiet.heard === "never") return ignore(quiet.reason, false);

  const place = placeOf(event.place, context.home);
  const { found, questions, deadEnds } = followed(subject, context.answers ?? noAnswers, only);
  if (Object.values(questions).some((asked) => asked.length > 0)) {
    const reason = `the alarm ${name} names no instance itself: ${wording(questions)}`;
    return { decision: "look-up", instanceIds: [], reason, questions, place };
  }
  const instanceIds = [...new Set(found.map(({ instanceId }) => instanceId))].slice(0, mostInstances);
  const [lead] = only === null ? found : found.filter(({ instanceId }) => instanceId === only);
  if (state === "OK") {
    const cleared = ignore(`the alarm ${name} cleared`, false);
    return instanceIds.length === 0
      ? cleared
      : { ...cleared, cleared: { alarmName: name, instanceIds, at: event.at } };
  }
  if (lead === undefined) {
    if (only !== null && found.length > 0) return ignore(`the event is not about ${only}`, true);
    const why = deadEnds[0] ?? "nothing that it watches has the dimension InstanceId";
    const isNews = isMeantForUs(subject) && why !== quietSeries;
    return ignore(`the alarm ${name} leads to no instance: ${why}`, isNews);
  }
  return {
    decision: "open",
    instanceIds,
    reason: `the alarm ${name} is in ALARM${through(lead)}`,
    trigger: triggerOf(event, lead),
    mode: null,
    probe: false,
    eventKey: place === null ? event.key : `${place.account} ${place.region} ${event.key}`,
    place,
    alarm: subject.alarmName,
    quiet: quiet.heard === "later" ? { until: quiet.until, reason: quiet.reason } : null,
  };
}

function triggerOf({ name, reason, at }: AlarmEvent, { metric, child, contributor, silent }: Lead): Trigger {
  return {
    kind: "alarm",
    alarmName: name,
    metric,
    reason,
    at,
    ...(child !== null && { child }),
    ...(contributor && { contributor }),
    ...(silent && { silent }),
  };
}

function through({ child, contributor }: Lead): string {
  if (child !== null) return `, because of its child ${child}`;
  return contributor ? " for one of its series" : "";
}

/** An alarm over many series, as a whole: its contributors are told of one by one besides. */
function isOverSeries({ watched, contributor }: Subject): boolean {
  return contributor === null && watched.expressions.some(isGrouped);
}

/** Composites reach us by their name alone, and a query by its name or our namespace. */
function isMeantForUs({ watched }: Subject): boolean {
  const ofOurs = new RegExp(`\\bFROM\\s+(?:SCHEMA\\s*\\(\\s*)?"?${metricNamespace}\\b`, "i");
  return (
    watched.composite !== null ||
    watched.metrics.some(({ metric }) => metric.namespace === metricNamespace) ||
    watched.expressions.some((expression) => ofOurs.test(expression))
  );
}

/** Null: the stack's own. Without a home, or where the event names no other place, it is the stack's own too. */
function placeOf(named: Partial<Place>, home: Place | null): Place | null {
  const parsed = z.safeParse(Place, { ...home, ...named });
  if (home === null || !parsed.success) return null;
  const { account, region } = parsed.data;
  return account === home.account && region === home.region ? null : { account, region };
}

function wording({ alarms, contributors, groups, interfaces }: Questions): string {
  const plain = (names: readonly string[]) => names.map((name) => plainLine(name, 80)).join(", ");
  const parts = [
    alarms.length > 0 && `its child alarms (${plain(alarms)}) are looked up`,
    contributors.length > 0 && `which series of ${plain(contributors)} are in ALARM is looked up`,
    groups.length > 0 && `the enrolled instances of the Auto Scaling group ${plain(groups)} are looked up`,
    interfaces.length > 0 && `the instance that ${plain(interfaces)} is attached to is looked up`,
  ];
  return parts.filter((part) => part !== false).join("; ");
}

function ignore(reason: string, tell: boolean): Triage & { decision: "ignore" } {
  return { decision: "ignore", instanceIds: [], reason, tell };
}
