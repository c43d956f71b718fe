import type { Closing, Outcome } from "../closing.ts";
import type { Trigger } from "../incident.ts";
import { plainLine } from "../plain-text.ts";
import { moment } from "../wording.ts";
import { section } from "./layout.ts";
import { plainCause } from "./plain-cause.ts";

const inWords: Readonly<Record<Outcome, string>> = {
  fixed: "fixed",
  proposed: "needs you",
  undone: "change undone, needs you",
  healthy: "looks healthy",
  undetermined: "cause not found",
  failed: "NAT Medic failed, needs you",
  refused: "nothing done",
};

/** The subject, and the paragraph that says what fails and since when. */
export function headline(closing: Closing, outcome: Outcome): { subject: string; opening: string } {
  const { incident, diagnosis, refusal, failure } = closing;
  const who = incident?.instanceId ?? refusal?.subject ?? "an event";
  const leading = diagnosis?.causes[0];
  const what =
    refusal !== null ? "" : (leading?.title ?? (failure === null ? "" : `stopped at ${failure.state}`));
  const subject = plainLine(`NAT Medic: ${who} ${inWords[outcome]}${what === "" ? "" : `: ${what}`}`, 100);

  const lines: string[] = [];
  if (refusal !== null)
    lines.push(`${capital(refusal.reason)}.`, "Nothing was looked at and nothing was changed.");
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
  return { subject, opening: section(`${inWords[outcome].toUpperCase()}: ${who}`, lines) };
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

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
