/** What happened when, from what the incident store keeps. */
import type { Answer, Decided, DecisionRequest } from "./decision.ts";
import type { Diagnosis } from "./diagnosis.ts";
import type { SettingChange } from "./fix.ts";
import type { Trigger } from "./incident.ts";
import type { HostAction, IncidentRecord } from "./incident-record.ts";
import { plainLine } from "./plain-text.ts";
import { moment } from "./wording.ts";

/** `at`: ISO 8601, or empty where it is not known; `what`: one plain line. */
export type TimelineEntry = { at: string; what: string };

/** Oldest first. Texts of people and of the host are made plain. */
export function timelineOf(record: IncidentRecord): TimelineEntry[] {
  const [opening, ...joined] = record.triggers;
  const entries: TimelineEntry[] = [
    {
      at: record.incident.openedAt,
      what: `opened by ${nameOf(opening?.trigger ?? record.incident.trigger)}`,
    },
    ...joined.map(({ trigger, joinedAt }) => ({ at: joinedAt, what: `${nameOf(trigger)} joined` })),
    ...record.triggers.flatMap(({ trigger, clearedAt }) =>
      clearedAt === null ? [] : [{ at: clearedAt, what: `${nameOf(trigger)} cleared` }],
    ),
    ...(record.findings === null
      ? []
      : [{ at: record.findings.at, what: foundBy(record.findings.diagnosis) }]),
    ...record.requests.flatMap(questionAndAnswer),
    ...record.actions.map(entryOf),
    ...(record.closing === null
      ? []
      : [{ at: record.closing.at, what: `closed: ${record.closing.outcome}` }]),
  ];
  return inOrder(entries);
}

/** What was not timed stays behind what it followed. */
function inOrder(entries: readonly TimelineEntry[]): TimelineEntry[] {
  let latest = 0;
  return entries
    .map((entry) => {
      const time = Date.parse(entry.at);
      latest = Number.isNaN(time) ? latest : time;
      return { entry, time: latest };
    })
    .sort((a, b) => a.time - b.time)
    .map(({ entry }) => entry);
}

function nameOf(trigger: Trigger): string {
  return trigger.kind === "alarm" ? `the alarm ${plainLine(trigger.alarmName, 120)}` : "a start by hand";
}

function foundBy({ status, causes }: Diagnosis): string {
  switch (status) {
    case "cause-found":
      return `diagnosed: ${causes.map(({ id }) => id).join(", ")}`;
    case "healthy":
      return "diagnosed: healthy";
    case "not-the-nat":
      return "diagnosed: nothing wrong here, so the reason is elsewhere";
    case "undetermined":
      return "no cause found, and not all could be judged";
    default:
      return status satisfies never;
  }
}

function questionAndAnswer({ fixes, askedAt, expiresAt, decided }: DecisionRequest): TimelineEntry[] {
  const asked = {
    at: askedAt,
    what: `asked people about ${fixes.join(", ")}, until ${moment(expiresAt)}`,
  };
  return decided === null ? [asked] : [asked, { at: decided.at, what: inWords(decided) }];
}

const decisions: Readonly<Record<Answer, string>> = {
  approve: "approved",
  reject: "rejected",
  nobody: "nobody answered in time",
  withdrawn: "the question was withdrawn",
};

/** A decision, who made it and why, in one plain line. */
export function inWords({ decision, by, note }: Decided): string {
  const word = decisions[decision];
  const said = plainLine(note, 200);
  if (decision === "nobody") return word;
  if (decision === "withdrawn") return `${word}: ${said || "the alarm cleared"}`;
  return `${word} by ${plainLine(by, 200)}${said === "" ? "" : `, who says: ${said}`}`;
}

const verbs: Readonly<Record<HostAction["action"], Readonly<Record<"done" | "undone", string>>>> = {
  apply: { done: "applied", undone: "was not applied" },
  persist: { done: "made to last", undone: "was not made to last" },
  undo: { done: "put back", undone: "was not put back" },
  show: { done: "looked at", undone: "could not be looked at" },
};

/** At its end, when that is on record. */
function entryOf({ fix, action, begunAt, endedAt, result }: HostAction): TimelineEntry {
  if (result === null || endedAt === null) {
    return { at: begunAt, what: `${fix}: ${action} sent, no answer on record` };
  }
  if (result.status === "untold") {
    return {
      at: endedAt,
      what: `${fix}: ${action} sent, its result is not known: ${plainLine(result.detail, 200)}`,
    };
  }
  const { status, values, reason } = result.change;
  const { done, undone } = verbs[action];
  switch (status) {
    case "changed":
      return { at: endedAt, what: [`${fix} ${done}`, ...differences(values)].join(", ") };
    case "unchanged":
      return { at: endedAt, what: `${fix} ${done}: it was so already` };
    case "refused":
    case "failed":
      return { at: endedAt, what: `${fix} ${undone}: ${plainLine(reason, 200) || status}` };
    default:
      return status satisfies never;
  }
}

function differences(values: readonly SettingChange[]): string[] {
  return (
    values
      // Persisting tells what it wrote down, with no value before.
      .filter(({ before, after }) => before !== "" && before !== after)
      .map(
        ({ setting, before, after }) => `${setting.replace(/^net\.netfilter\./, "")} ${before} -> ${after}`,
      )
  );
}
