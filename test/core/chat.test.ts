import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as z from "zod/mini";
import { type Closing, Closing as ClosingSchema } from "../../core/closing.ts";
import { IncidentRecord } from "../../core/incident-record.ts";
import { ChatMessage, type Notice, publications } from "../../core/notice.ts";
import { planFor } from "../../core/plan.ts";
import { approvalNotice } from "../../core/report/approval.ts";
import { limits } from "../../core/report/chat.ts";
import { deathNotice } from "../../core/report/death.ts";
import { openingNotice } from "../../core/report/opening.ts";
import { report } from "../../core/report.ts";
import { cloudOf } from "./captured.ts";
import {
  closingOf,
  decided,
  execution,
  fixed,
  raised,
  request,
  restoresAt,
  shortened,
  step,
  told,
  triggers,
  untold,
} from "./closings.ts";
import { foreign, linked, mentionOrMarkup } from "./foreign.ts";
import { askedIncident, fixedIncident } from "./recorded-incident.ts";

const failure = { state: "CollectAgain", error: "States.Timeout", cause: "it took too long" };
const undo = { forced: false, reason: "the execution ended" };
const bare = { diagnosis: null, plan: null, cloud: null, steps: [] };
const refused = told({ status: "refused", reason: "somebody has changed it since" });
/** One closing for each way in which an incident ends, with something in every field that others fill. */
const closings: Record<string, Closing> = {
  fixed,
  notTried: { ...fixed, steps: [] },
  proposed: {
    ...fixed,
    steps: [step({ step: { ...raised.step, decision: "propose", decisionReason: "the circuit breaker" } })],
  },
  rejected: { ...fixed, steps: [step({ answer: decided("reject", "not now") })] },
  withdrawn: { ...fixed, steps: [step({ answer: decided("withdrawn") })] },
  skipped: { ...fixed, steps: [step({ skipped: "it has room" })] },
  refusedByHost: { ...fixed, steps: [step({ applied: refused })] },
  undone: {
    ...fixed,
    steps: [
      step({
        applied: told({ notes: ["a note"] }),
        verification: { ...raised.verification!, verdict: "unchanged", quietWindows: 0 },
        undone: told({}),
      }),
    ],
  },
  unsettled: { ...fixed, failure, steps: [step({ applied: told({ restoresAt }), undone: untold })] },
  busy: {
    ...fixed,
    failure,
    incident: { ...fixed.incident!, modeReason: "circuit breaker: enough for today" },
    steps: [{ ...raised, undone: refused }, shortened],
  },
  failed: { ...fixed, ...bare, failure },
  undetermined: {
    ...fixed,
    ...bare,
    cloud: cloudOf({
      instance: { type: "t3.micro", state: "running", sourceDestCheck: null },
      unread: ["x"],
    }),
    diagnosis: {
      status: "undetermined",
      causes: [],
      ruledOut: [],
      unasked: [],
      unknown: [{ subject: "a metric", missing: "no agent" }],
      moved: [{ signal: "conntrack.drop", observed: "+3", expected: "0" }],
    },
  },
  refusal: { ...fixed, ...bare, incident: null, refusal: { subject: "an event", reason: "it is not ours" } },
  undoAlone: closingOf(fixedIncident(), {
    ...bare,
    undo,
    steps: [
      { ...shortened, undone: told({ files: [{ path: "/etc/x", action: "removed" }] }) },
      { ...raised, undone: refused },
    ],
  }),
  undoUntold: closingOf(fixedIncident(), { ...bare, undo, steps: [{ ...raised, undone: untold }] }),
};
const dead = { ...fixedIncident(), status: "open" as const, steps: [] };

/** Every kind of message, from records that `taint` has been at. */
function messages(taint: <T>(data: T) => T): Record<string, Notice> {
  const { incident, findings } = taint(askedIncident());
  const { evidence, diagnosis } = findings!;
  const plan = planFor(diagnosis, evidence, { mode: "apply", automaticChangesLeft: 1 });
  const { link, taskToken, ...asked } = request();
  const all: Record<string, Notice> = {
    opened: openingNotice({ incident, diagnosis, plan })!,
    decision: approvalNotice({ ...taint(asked), link, taskToken }),
    died: deathNotice({
      record: taint(dead),
      ...taint({ execution }),
      status: "FAILED",
      cause: taint({ cause: "why" }).cause,
      undoing: false,
    }),
    diedEarly: deathNotice({ record: null, execution, status: "ABORTED", cause: "", undoing: false }),
  };
  for (const [name, closing] of Object.entries(closings)) all[name] = report(taint(closing), taint(triggers));
  return all;
}

/** Fields that a host, an event, a person or a service fills. All others hold our own words, or have a pattern. */
const foreignFields = new Set([
  ...["alarmName", "reason", "by", "note", "at", "joinedAt", "clearedAt", "begunAt", "endedAt", "openedAt"],
  ...[
    "detail",
    "observed",
    "expected",
    "signal",
    "path",
    "setting",
    "notes",
    "unread",
    "type",
    "state",
    "name",
  ],
  ...[
    "missing",
    "subject",
    "error",
    "cause",
    "skipped",
    "modeReason",
    "execution",
    "decisionReason",
    "action",
    "expiresAt",
  ],
]);

function tainted(text: () => string) {
  const taint = (data: unknown, field: string): unknown => {
    if (typeof data === "string") return text();
    if (Array.isArray(data))
      return data.map((item) =>
        typeof item === "string" && !foreignFields.has(field) ? item : taint(item, field),
      );
    if (typeof data !== "object" || data === null) return data;
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => {
        // What the host did, as opposed to a step's description; not an incident's outcome.
        const isEnum = (key === "action" && !("blastRadius" in data)) || (key === "type" && "kind" in data);
        return [
          key,
          typeof value === "string" && (!foreignFields.has(key) || isEnum) ? value : taint(value, key),
        ];
      }),
    );
  };
  return <T>(data: T): T => taint(data, "") as T;
}

const same = <T>(data: T): T => data;
const markup = /[<>`*[\]@|#~!$\\{}"&]/g;
const counted = (text: string) => (text.match(markup) ?? []).toSorted().join("");

describe("whatever a host, an event or a person writes", () => {
  const harmless = messages(same);

  test.each(Object.keys(harmless))(
    "a message of the kind %s holds no control character, link, mention or markup from it",
    (kind) => {
      const ours = harmless[kind]!;
      const links = new Set(linked(ours.people.body));
      fc.assert(
        fc.property(fc.array(foreign, { minLength: 1, maxLength: 7 }), (texts) => {
          let next = 0;
          const { people, chat } = messages(tainted(() => texts[next++ % texts.length] ?? ""))[kind]!;
          expect(people.subject).toMatch(/^[!-~][ -~]{0,99}$/);
          expect(people.subject.startsWith("NAT Medic")).toBe(true);
          expect(people.body.replaceAll("\n", "")).toMatch(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}]*$/u);
          expect(linked(people.body).filter((link) => !links.has(link))).toEqual([]);
          // Markup characters of our own (in commands, in "8192 -> 65536") may go with a line, but none may come.
          for (const [mark, count] of Object.entries(Object.groupBy(counted(people.body), same))) {
            expect(count!.length).toBeLessThanOrEqual(counted(ours.people.body).split(mark).length - 1);
          }
          expectCard(chat);
        }),
        { numRuns: 12 },
      );
    },
  );
});

function expectCard(chat: ChatMessage): void {
  const { content, metadata } = z.parse(z.strictObject(ChatMessage.shape), JSON.parse(JSON.stringify(chat)));
  const { title, description, nextSteps, keywords } = content;
  const lines = [
    title,
    ...description.split("\n"),
    ...nextSteps.map((line) => line.replace(/: https:\S+$/, "")),
  ];
  for (const line of lines) {
    expect(mentionOrMarkup(line)).toEqual([]);
    expect(linked(line.replace(/`[^`]*`/g, "x"))).toEqual([]);
  }
  // A line begins with our own word, so that nothing becomes a list, a quotation or a heading.
  for (const line of description.split("\n"))
    expect(line).toMatch(
      /^(What fails|What failed|Cause|Since|Decision|Change|Proposed|Mode|Now|To do|Why|Missing|Trouble|Got as far|Question|and|No answer|Reach|Checked|If not|Then): /,
    );
  expect(title.length).toBeLessThanOrEqual(limits.title);
  expect(description.length).toBeLessThanOrEqual(8_000);
  expect(nextSteps.length).toBeLessThanOrEqual(limits.nextSteps);
  for (const line of nextSteps) expect(line.length).toBeLessThanOrEqual(limits.nextStep);
  expect(keywords.length).toBeLessThanOrEqual(limits.keywords);
  expect(metadata.summary).toMatch(/^NAT Medic[^\n]+$/);
  expect(metadata.threadId).toMatch(/^[A-Za-z0-9_:/.-]{1,100}$/);
  expect(metadata.eventType).toMatch(/^nat-medic\.(opened|decision|closed|died)$/);
  for (const resource of [...keywords, ...metadata.relatedResources])
    expect(resource).toMatch(/^[A-Za-z0-9_:/.-]{1,250}$/);
}

describe("a chat message", () => {
  const all = messages(same);

  test.each(Object.entries(all))("of the kind %s fits the schema and its limits, short", (_, { chat }) => {
    expectCard(chat);
    expect(chat.content.description.split("\n").length).toBeLessThanOrEqual(12);
    expect(chat.content.nextSteps.length).toBeLessThanOrEqual(3);
  });

  test("drops no fact of the mail, however many there are", () => {
    for (const { people, chat } of Object.values(all)) {
      const facts = people.body.split("\n\n").find((part) => /^ {2}(To do|No answer) {2}/m.test(part)) ?? "";
      const labels = facts.match(/^ {2}[A-Za-z]+( [a-z]+)*(?= {2})/gm) ?? [];
      expect(labels.length).toBeGreaterThanOrEqual(2);
      expect(chat.content.description.split("\n").map((line) => line.split(":")[0])).toEqual(
        labels.map((label) => label.trim()),
      );
    }
  });

  test("of one incident goes to one thread, whatever its moment", () => {
    const { id } = fixed.incident!;
    for (const kind of ["opened", "decision", "died", "fixed", "undoAlone"]) {
      expect(all[kind]!.chat.metadata.threadId).toBe(id);
    }
    expect(all.refusal!.chat.metadata.threadId).toBe("abcdef012345");
  });

  test("names the instance and the execution", () => {
    expect(all.fixed!.chat.metadata.relatedResources).toEqual([fixed.incident!.instanceId, execution]);
  });

  test("has our identifiers and commands as code, times and settings readable", () => {
    const { title, description, nextSteps } = all.fixed!.chat.content;
    expect(title).toBe("NAT Medic fixed `i-0a1b2c3d4e5f67890`: The connection tracking table is full");
    expect(description).toContain("2026-11-20 03:12:44 UTC");
    expect(nextSteps).toContain(`Put the old values back: \`nat-medic undo ${fixed.incident!.id}\``);
  });

  test("is published as JSON to its own topic, the mail as text to the other", () => {
    const [mail, card] = publications(all.fixed!, { people: "arn:people", chat: "arn:chat" });
    expect(mail).toMatchObject({ topicArn: "arn:people", message: all.fixed!.people.body });
    expect(card!.topicArn).toBe("arn:chat");
    expect(z.parse(ChatMessage, JSON.parse(card!.message))).toEqual(all.fixed!.chat);
    // What SNS takes in one message.
    for (const notice of Object.values(all)) {
      for (const { message } of publications(notice, { people: "a", chat: "b" })) {
        expect(Buffer.byteLength(message)).toBeLessThan(20_000);
      }
    }
  });
});

test("the records that these tests taint are real ones", () => {
  for (const closing of Object.values(closings))
    expect(z.safeParse(ClosingSchema, closing).error).toBeUndefined();
  expect(z.safeParse(IncidentRecord, dead).error).toBeUndefined();
});
