/** A run over many instances has ended: one message for all of it. */
import type { FleetRun, Skipped } from "../fleet.ts";
import type { Notice } from "../notice.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import { duration, whole } from "../wording.ts";
import { notice } from "./chat.ts";
import { type Fact, folded, section } from "./layout.ts";
import { plainCause } from "./plain-cause.ts";
import { subject } from "./subject.ts";
import { time } from "./triggers.ts";

const what = {
  diagnose: { noun: "diagnosis", done: "started" },
  prevent: { noun: "daily check", done: "checked" },
} as const;

export function fleetNotice(run: FleetRun): Notice {
  const { purpose, counts, failure, execution } = run;
  const { noun, done } = what[purpose];
  const outcome = `${whole(counts.done)} ${done}, ${whole(counts.failed)} failed, ${whole(counts.skipped)} left out`;
  const said =
    failure === null
      ? `NAT Medic, ${noun} of many: ${outcome}`
      : `NAT Medic stopped the ${noun} of many: ${outcome} until then`;
  return notice({
    moment: "fleet",
    subject: subject(said),
    headline: `${said}.`,
    facts: factsOf(run),
    sections: [
      section("FAILED", listed(run.failures.map(failureLine), counts.failed)),
      section("LEFT OUT", listed(run.skipped.map(skippedLine), counts.skipped)),
      section("RUN", [`Execution ${mailText(execution, 300)}`]),
    ],
    nextSteps: [toDo(run)],
    thread: execution.split(":").at(-1) ?? "nat-medic",
    keywords: ["nat-medic", "fleet", purpose],
    relatedResources: [execution],
  });
}

function factsOf(run: FleetRun): Fact[] {
  const { purpose, mode, counts, startedAt, endedAt, failure } = run;
  const took = duration(Math.max(0, Math.round((Date.parse(endedAt) - Date.parse(startedAt)) / 1000)));
  const stopped: Fact[] =
    failure === null
      ? []
      : [
          [
            "Trouble",
            `It stopped at ${failure.state}: ${mailText(failure.error, 80)} ${plainCause(failure.cause)}`,
          ],
        ];
  return [
    ...stopped,
    [
      "Instances",
      `${whole(counts.done)} ${what[purpose].done}, ${whole(counts.failed)} failed, ${whole(counts.skipped)} left out`,
    ],
    ...(purpose === "diagnose" ? ([["Mode", mode ?? "as stack and instance say"]] satisfies Fact[]) : []),
    ["Took", `${took}, from ${time(startedAt)}`],
    ["To do", toDo(run)],
  ];
}

function toDo({ purpose, counts, failure }: FleetRun): string {
  if (failure !== null)
    return "Start it again when the trouble is over; what was done is not undone by that.";
  if (counts.failed > 0)
    return "Look at those that failed one by one: nat-medic diagnose --instance with the ID.";
  if (counts.done === 0) return "Nothing was found to work on: are the instances tagged and running?";
  return purpose === "diagnose"
    ? "Nothing now: each instance reports by itself."
    : "Nothing now: what was found is in a message of its own.";
}

type Failure = FleetRun["failures"][number];

export function failureLine(failure: Failure): string {
  const { state, error, cause } = failure;
  return `${instanceName(failure)}: ${state}, ${mailText(error, 80)} ${plainCause(cause)}`;
}

export function skippedLine(skipped: Skipped): string {
  return `${instanceName(skipped)}: ${mailText(skipped.why, 120)}`;
}

export function listed(lines: readonly string[], count: number): string[] {
  const others = count - lines.length;
  const rest = others <= 0 || lines.length === 0 ? [] : [`and ${whole(others)} more`];
  return [...lines, ...rest].flatMap((line) => folded(line, { hanging: 2 }));
}
