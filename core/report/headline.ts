import type { Closing, Outcome } from "../closing.ts";
import type { Trigger } from "../incident.ts";
import { plainLine } from "../plain-text.ts";
import { moment } from "../wording.ts";
import { section } from "./layout.ts";
import { plainCause } from "./plain-cause.ts";

/** The subject says instance, outcome and cause in at most 100 characters; the opening, what fails and since when. */
export function headline(closing: Closing, outcome: Outcome): { subject: string; opening: string } {
  const { incident, diagnosis, refusal, failure } = closing;
  const leading = diagnosis?.causes[0];
  const instance = incident?.instanceId ?? "an event";
  const what = leading?.title ?? (failure === null ? "" : `stopped at ${failure.state}`);
  const said = sentence(outcome, instance, refusal?.reason ?? "");
  const subject = plainLine(what === "" ? said : `${said}: ${what}`, 100);

  const lines: string[] = [];
  if (refusal !== null) lines.push("Nothing was looked at and nothing was changed.");
  if (leading !== undefined) lines.push(leading.symptom);
  if (incident !== null) lines.push(...startOf(incident.trigger));
  if (outcome === "healthy")
    lines.push("Everything that NAT Medic can judge on this instance looked normal.");
  if (failure !== null) {
    lines.push(
      `NAT Medic itself stopped at ${failure.state}: ${plainLine(failure.error, 80)}.`,
      plainCause(failure.cause),
    );
  }
  return { subject, opening: section(`${said}.`, lines) };
}

function sentence(outcome: Outcome, instance: string, reason: string): string {
  switch (outcome) {
    case "fixed":
      return `NAT Medic fixed ${instance}`;
    case "proposed":
      return `NAT Medic needs you for ${instance}`;
    case "undone":
      return `NAT Medic undid its change on ${instance} and needs you`;
    case "healthy":
      return `NAT Medic finds ${instance} healthy`;
    case "undetermined":
      return `NAT Medic found no cause on ${instance} and needs you`;
    case "failed":
      return `NAT Medic failed on ${instance} and needs you`;
    case "refused":
      return `NAT Medic did nothing: ${reason}`;
    default:
      return outcome satisfies never;
  }
}

function startOf(trigger: Trigger): string[] {
  switch (trigger.kind) {
    case "manual":
      return [`Asked for by hand at ${moment(trigger.at)}.`];
    case "alarm":
      return [`Alarm ${trigger.alarmName} since ${moment(trigger.at)}.`, trigger.reason].filter(
        (line) => line !== "",
      );
    default:
      return trigger satisfies never;
  }
}
