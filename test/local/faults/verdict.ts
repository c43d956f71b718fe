/** What an incident came to, in few words that can be compared; and what must hold of every one. */
import { isDeepStrictEqual } from "node:util";
import { statusOf } from "../../../core/step-record.ts";
import type { FaultyHost } from "./nat-host.ts";
import type { Ending, Play } from "./theatre.ts";

/** What must hold of every ending: nothing is left open, locked, begun or armed. */
export function leftOver({ results, incidents, instance }: Ending, host: FaultyHost): string[] {
  return [
    ...(instance.open === null ? [] : [`the instance is still held by ${instance.open.incidentId}`]),
    ...(results.length === 0 ? ["nothing ran"] : []),
    ...incidents.flatMap(({ incident, status, closing, actions }) => [
      ...(status === "closed" && closing !== null ? [] : [`${incident.id} is ${status}`]),
      ...actions.filter(({ endedAt }) => endedAt === null).map(({ action }) => `the ${action} has no end`),
    ]),
    ...host.armed().map((unit) => `${unit} is armed`),
  ];
}

export type Digest = ReturnType<typeof digest>;

export function digest({ results, incidents, instance, mails, chat }: Ending, host: FaultyHost, play: Play) {
  const plain = (subject = "") => subject.replaceAll(play.instanceId, "the instance");
  const changed = host.changes.filter(({ status }) => status === "changed").map(({ action }) => action);
  return {
    executions: results.map(({ status }) => status),
    outcomes: incidents.map(({ closing }) => closing?.outcome),
    triggers: incidents.map(({ triggers }) => triggers.length),
    steps: incidents.map(({ steps }) => steps.map(statusOf)),
    decisions: incidents.flatMap(({ requests }) =>
      requests.flatMap(({ decided }) =>
        decided?.note === "replaced by another request" ? [] : (decided?.decision ?? "waits"),
      ),
    ),
    automaticChanges: Object.keys(instance.automaticChanges).length,
    breakerOpen: instance.undoneAt !== null,
    mails: mails.map(({ subject }) => plain(subject)),
    chat: chat.map(({ subject }) => plain(subject)),
    /** What the host says it did, each counted only when it did something. */
    changed,
    settings: host.settings(),
    touchedBy: host.incidents().length,
  };
}

/** `mayRepeat`: one message may have been sent twice, because whoever sent it died before it could note that. */
export function differences(expected: Digest, found: Digest, { mayRepeat = false } = {}): string[] {
  const told = mayRepeat ? { mails: withoutRepeat(found.mails), chat: withoutRepeat(found.chat) } : {};
  const compared = { ...found, ...told };
  return Object.entries(expected).flatMap(([name, value]) => {
    const other: unknown = Reflect.get(compared, name);
    if (isDeepStrictEqual(other, value)) return [];
    return [`${name}: ${JSON.stringify(other)} instead of ${JSON.stringify(value)}`];
  });
}

/** Without the first that is the same as the one before it. */
function withoutRepeat(subjects: readonly string[]): string[] {
  const repeat = subjects.findIndex((subject, n) => n > 0 && subject === subjects[n - 1]);
  return subjects.filter((_, n) => n !== repeat);
}
