/** Since when, and which alarms said so. Foreign names stand at the end of their line. */
import type { Incident, Trigger } from "../incident.ts";
import type { KnownTrigger } from "../incident-record.ts";
import { mailText } from "../plain-text.ts";
import { moment } from "../wording.ts";
import type { Fact } from "./layout.ts";
import { folded, section } from "./layout.ts";

/** `triggers`: as far as known; those after the first joined. */
export function sinceFact({ trigger }: Incident, triggers: readonly KnownTrigger[] = []): Fact {
  const joined = triggers.length - 1;
  const others =
    joined < 1 ? "" : ` (joined by ${joined === 1 ? "one more alarm" : `${joined} more alarms`})`;
  return ["Since", `${time(trigger.at)}${others}, ${nameOf(trigger)}`];
}

/** What the alarms said, and whether they are quiet again. */
export function alarmsSection({ trigger }: Incident, triggers: readonly KnownTrigger[]): string {
  const [first, ...joined] = triggers;
  const lines: string[] = [];
  if (trigger.kind === "alarm") {
    lines.push(`${time(trigger.at)}${cleared(first)}, ${nameOf(trigger)}`);
    if (trigger.child !== undefined) {
      lines.push(...folded(`  because of its child alarm ${mailText(trigger.child, 120)}`, { hanging: 2 }));
    }
    const reason = mailText(trigger.reason, 300);
    if (reason !== "") lines.push(...folded(`  ${reason}`, { hanging: 2 }));
  }
  for (const known of joined) {
    lines.push(`${time(known.trigger.at)}${cleared(known)}, joined this incident: ${nameOf(known.trigger)}`);
  }
  return section(joined.length > 0 ? "ALARMS" : "ALARM", lines);
}

function cleared(known: KnownTrigger | undefined): string {
  return known === undefined || known.clearedAt === null ? "" : `, back to OK at ${time(known.clearedAt)}`;
}

function nameOf(trigger: Trigger): string {
  switch (trigger.kind) {
    case "manual":
      return "asked for by hand";
    case "alarm":
      return `${kindOf(trigger)} ${mailText(trigger.alarmName, 120)}`;
    default:
      return trigger satisfies never;
  }
}

function kindOf({ child, contributor }: Trigger & { kind: "alarm" }): string {
  if (child !== undefined) return "composite alarm";
  return contributor === true ? "one series of the alarm" : "alarm";
}

/** A time as the store, CloudWatch or a person's machine wrote it. */
export function time(iso: string): string {
  return mailText(moment(iso), 40);
}
