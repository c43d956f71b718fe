/** One message a day at most for the whole fleet: what will fail, when, and the one thing to do about it. */
import type { Notice } from "../notice.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import type { Due, Finding, Review } from "../prevention/finding.ts";
import { byUrgency } from "../prevention/look-ahead.ts";
import { isNew, type PreventionRun } from "../prevention/run.ts";
import { whole } from "../wording.ts";
import { diagnoseCommand } from "./by-hand.ts";
import { notice } from "./chat.ts";
import { failureLine, listed, skippedLine } from "./fleet.ts";
import { type Fact, folded, indent, observations, section } from "./layout.ts";
import { subject } from "./subject.ts";
import { time } from "./triggers.ts";

/** Findings that are told with evidence and commands: what a person does in a morning. The rest is counted. */
const mostInDetail = 15;
/** Of one kind: where each has its own day or its own numbers, and where the others are like it. */
const mostOfAKind = { now: 3, "on-a-day": 3, "at-the-next-boot": 1, "some-day": 1 } as const;
const mostNamed = 10;
const mostReasons = 5;

type Told = { finding: Finding; review: Review };

export function preventionNotice(run: PreventionRun): Notice {
  const { runId, counts, reviews } = run;
  const told = reviews
    .flatMap((review) => review.findings.map((finding) => ({ finding, review })))
    .sort((a, b) => byUrgency(a.finding, b.finding));
  const gone = reviews.flatMap((review) => review.gone.map((finding) => ({ finding, review })));
  const [first] = told;
  const said = saidOf(told, reviews.length);
  return notice({
    moment: "looked-ahead",
    subject: subject(said, first?.finding.title),
    headline: `${said}.`,
    facts: factsOf(run, told, gone),
    sections: [
      ...foundSections(told),
      section("GONE SINCE THE LOOK BEFORE", goneLines(gone).flatMap(bullet)),
      section("NOT LOOKED AT", [
        ...listed(run.failures.map(failureLine), counts.failed),
        ...listed(run.skipped.map(skippedLine), counts.skipped),
      ]),
      section("COULD NOT BE JUDGED", unjudgedLines(reviews)),
      section("ABOUT THIS LOOK", [
        `Run ${mailText(runId, 100)} of ${time(run.at)}`,
        ...folded(
          "Nothing was changed. A message follows when something is new, gone or urgent, and once a week in any case.",
        ),
      ]),
    ],
    nextSteps: told
      .slice(0, 3)
      .map(
        ({ finding, review }) =>
          `${instanceName(review)}: ${ownCommand(finding.advice) ?? diagnoseCommand(review)}`,
      ),
    thread: "nat-medic-prevention",
    keywords: ["nat-medic", "prevention", first?.finding.id ?? "nothing-ahead"],
    relatedResources: [first?.review.instanceId ?? null],
  });

  function saidOf(found: readonly Told[], looked: number): string {
    const affected = new Set(found.map(({ review }) => instanceName(review))).size;
    if (affected > 0) {
      const need = affected === 1 ? "needs" : "need";
      return `NAT Medic looks ahead: ${whole(affected)} of ${instances(looked)} ${need} attention`;
    }
    if (looked === 0 && counts.failed > 0) return "NAT Medic could not look ahead";
    return looked === 0
      ? "NAT Medic looks ahead and found no instance to look at"
      : `NAT Medic looks ahead: nothing found on ${instances(looked)}`;
  }
}

function factsOf(
  { counts, lastToldAt }: PreventionRun,
  told: readonly Told[],
  gone: readonly Told[],
): Fact[] {
  const [fresh, known] = [true, false].map((wanted) =>
    told.filter(({ finding, review }) => isNew(finding, review) === wanted),
  );
  const [first] = told;
  const facts: Fact[] = [];
  if (first !== undefined) {
    const { finding, review } = first;
    facts.push([
      "First",
      `${instanceName(review)}: ${mailText(finding.title, 150)}, ${dueText(finding.due)}`,
    ]);
    facts.push(["New", countOf(fresh ?? [])], ["Still there", countOf(known ?? [])]);
  }
  if (gone.length > 0) facts.push(["Gone", countOf(gone)]);
  if (counts.failed > 0)
    facts.push([
      "Not read",
      `${instances(counts.failed)}: the look itself failed there, so nothing is known of them`,
    ]);
  if (counts.skipped > 0) facts.push(["Left out", instances(counts.skipped)]);
  facts.push(["Told before", lastToldAt === null ? "never" : time(lastToldAt)], ["To do", toDo(first)]);
  return facts;
}

function toDo(first: Told | undefined): string {
  if (first === undefined) return "Nothing.";
  const { advice } = first.finding;
  const how = ownCommand(advice);
  return how === undefined
    ? `${mailText(advice.action, 200)}: the commands are in the mail`
    : `${mailText(advice.action, 200)}: ${how}`;
}

const headings: readonly (readonly [Due["when"], string])[] = [
  ["now", "FAILS NOW"],
  ["on-a-day", "WILL FAIL, THE NEAREST FIRST"],
  ["at-the-next-boot", "WILL NOT SURVIVE A REBOOT"],
  ["some-day", "WORTH PUTTING RIGHT"],
];

/** By when it is due, then by kind: a fleet from one image has the same fault many times. */
function foundSections(told: readonly Told[]): string[] {
  let room = mostInDetail;
  return headings.map(([when, heading]) => {
    const kinds = Map.groupBy(
      told.filter(({ finding }) => finding.due.when === when),
      ({ finding }) => `${finding.title} (${finding.id})`,
    );
    const lines = [...kinds].flatMap(([kind, all]) => {
      const detailed = all.slice(0, Math.min(mostOfAKind[when], room));
      room -= detailed.length;
      const rest = all.slice(detailed.length);
      const others = rest.length === 0 ? [] : folded(`Also on ${namesOf(rest)}`, { hanging: 2, depth: 4 });
      return ["", ...folded(mailText(kind, 200)), ...indent([...detailed.flatMap(describe), ...others])];
    });
    return section(heading, lines.slice(1));
  });
}

function describe({ finding, review }: Told): string[] {
  const { evidence, due, advice, since } = finding;
  const state = isNew(finding, review) ? "new" : `still there, since ${since.slice(0, 10)}`;
  const where = advice.where === "" ? "" : ` (${advice.where})`;
  const detail = diagnoseCommand(review);
  return [
    `${instanceName(review)}: ${dueText(due)} (${state})`,
    ...indent([
      ...observations(evidence),
      ...folded(`Do: ${mailText(advice.action, 300)}${where}`, { hanging: 2, depth: 6 }),
      ...indent(advice.commands),
      ...(advice.commands.some((command) => command.startsWith(detail)) ? [] : [`Detail: ${detail}`]),
    ]),
  ];
}

function dueText(due: Due): string {
  switch (due.when) {
    case "now":
      return "connections fail now";
    case "on-a-day":
      return due.days === 0 ? "due today" : `about ${due.day}, in ${days(due.days)}`;
    case "at-the-next-boot":
      return "at the next reboot or replacement";
    case "some-day":
      return "no day can be told";
    default:
      return due satisfies never;
  }
}

const days = (count: number) => `${whole(count)} ${count === 1 ? "day" : "days"}`;
const instances = (count: number) => `${whole(count)} NAT ${count === 1 ? "instance" : "instances"}`;

function countOf(all: readonly Told[]): string {
  if (all.length === 0) return "nothing";
  const on = new Set(all.map(({ review }) => instanceName(review))).size;
  return `${whole(all.length)} ${all.length === 1 ? "finding" : "findings"} on ${instances(on)}`;
}

const bullet = (line: string) => folded(`- ${line}`, { hanging: 2 });

function goneLines(gone: readonly Told[]): string[] {
  const shown = gone
    .slice(0, mostNamed)
    .map(
      ({ finding, review }) =>
        `${instanceName(review)}: ${mailText(finding.title, 150)}, since ${finding.since.slice(0, 10)}`,
    );
  return gone.length <= mostNamed ? shown : [...shown, `and ${whole(gone.length - mostNamed)} more`];
}

function namesOf(all: readonly Told[]): string {
  const names = all.slice(0, mostNamed).map(({ review }) => instanceName(review));
  const more = all.length - names.length;
  return `${names.join(", ")}${more === 0 ? "" : ` and ${whole(more)} more`}`;
}

/** One reason often stands behind many instances and causes: said once. */
function unjudgedLines(reviews: readonly Review[]): string[] {
  const all = reviews.flatMap((review) => review.unjudged.map(({ missing }) => ({ missing, review })));
  const reasons = [...Map.groupBy(all, ({ missing }) => missing)]
    .map(([missing, each]) => ({ missing, on: new Set(each.map(({ review }) => instanceName(review))).size }))
    .sort((a, b) => b.on - a.on);
  const shown = reasons
    .slice(0, mostReasons)
    .map(({ missing, on }) => `${mailText(missing, 200)}: on ${instances(on)}`);
  const more = reasons.length - shown.length;
  return [...shown, ...(more === 0 ? [] : [`and ${whole(more)} more reasons`])].flatMap(bullet);
}

/** What has several lines, or is typed on the host, is in the mail alone. */
function ownCommand({ commands }: Finding["advice"]): string | undefined {
  const [command, ...others] = commands;
  return others.length === 0 && command?.startsWith("nat-medic ") === true ? command : undefined;
}
