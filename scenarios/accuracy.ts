/** How well the staged troubles were named: the matrix of scenarios, variants and kernels, as docs/accuracy.md shows it. */
import { median } from "../bench/result.ts";
import { diagnose } from "../core/diagnosis.ts";
import { planFor } from "../core/plan.ts";
import { type CapturedCase, capturedCases } from "../local/captured-evidence.ts";
import { expectationOf, readScenario, type Scenario, scenarioIds } from "../local/scenario.ts";

/** One scenario, or one of its variants, on one system. */
export type Trial = {
  scenario: string;
  /** Null for the scenario itself. */
  variant: string | null;
  title: string;
  kernel: string;
  expected: {
    outcome: string;
    leading: string | null;
    contributing: readonly string[];
    sometimesSeen: readonly string[];
  };
  /** Causes found, the leading one first. */
  found: readonly string[];
  /** Of the diagnosis: `cause-found`, `healthy`, `not-the-nat` or `undetermined`. */
  status: string;
  /** Fixes planned, each with the causes that it serves. */
  fixes: readonly { fix: string; causes: readonly string[] }[];
  /** From the first command to the diagnosis. */
  seconds: number;
};

/** What the present causes make of a case: the kernel's part is captured, the judgement is made now. */
export function trialOf(scenario: Scenario, { variant, kernel, seconds, evidence }: CapturedCase): Trial {
  const diagnosis = diagnose(evidence, { kind: "manual", at: "now", complaint: false });
  const { steps } = planFor(diagnosis, evidence, { mode: "apply", automaticChangesLeft: 3 });
  return {
    scenario: scenario.id,
    variant,
    title: variant === null ? scenario.title : (scenario.variants[variant]?.title ?? ""),
    kernel,
    expected: expectationOf(scenario, variant),
    found: diagnosis.causes.map(({ id }) => id),
    status: diagnosis.status,
    fixes: steps.map(({ fix, causes }) => ({ fix, causes })),
    seconds,
  };
}

export type Score = {
  leadingRight: boolean;
  /** Contributing causes that were staged and not named. */
  missed: string[];
  /** Causes named that are not there. */
  falseFindings: string[];
  /** Fixes that serve none of the causes that are there. */
  falseFixes: string[];
};

export function scoreOf({ expected, found, status, fixes }: Trial): Score {
  const { leading, contributing, sometimesSeen } = expected;
  const staged = [...(leading === null ? [] : [leading]), ...contributing, ...sometimesSeen];
  const leadingRight =
    leading === null ? found.length === 0 && status === expected.outcome : found[0] === leading;
  return {
    leadingRight,
    missed: contributing.filter((id) => !found.includes(id)),
    falseFindings: found.filter((id) => !staged.includes(id)),
    falseFixes: fixes.filter(({ causes }) => !causes.some((id) => staged.includes(id))).map(({ fix }) => fix),
  };
}

export function isRight(score: Score): boolean {
  return (
    score.leadingRight &&
    score.missed.length === 0 &&
    score.falseFindings.length === 0 &&
    score.falseFixes.length === 0
  );
}

/** One line for the terminal. */
export function trialLine(trial: Trial): string {
  const score = scoreOf(trial);
  const name = trial.variant === null ? trial.scenario : `${trial.scenario} / ${trial.variant}`;
  return `${isRight(score) ? "right" : "WRONG"}  ${name.padEnd(58)} ${trial.seconds.toFixed(1).padStart(5)} s  ${isRight(score) ? namedAs(trial) : wrong(trial, score)}`;
}

function namedAs({ found, status }: Trial): string {
  return found.length === 0 ? status : found.join(", ");
}

function wrong(trial: Trial, { leadingRight, missed, falseFindings, falseFixes }: Score): string {
  const { expected } = trial;
  return [
    leadingRight ? "" : `expected ${expected.leading ?? expected.outcome}, got ${namedAs(trial)}`,
    missed.length === 0 ? "" : `missed ${missed.join(", ")}`,
    falseFindings.length === 0 ? "" : `not there: ${falseFindings.join(", ")}`,
    falseFixes.length === 0 ? "" : `fixes for nothing: ${falseFixes.join(", ")}`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

/** The whole of docs/accuracy.md, from every case that is kept. */
export function accuracyPage(): string {
  const kept = scenarioIds.map(readScenario).flatMap((scenario) => {
    return capturedCases(scenario).map((captured) => ({ captured, trial: trialOf(scenario, captured) }));
  });
  const trials = kept.map(({ trial }) => trial);
  const kernels = [...new Set(trials.map(({ kernel }) => kernel))].sort();
  const times = kept.map(({ captured }) => captured.capturedAt.slice(0, 16).replace("T", " ")).sort();
  return `# How often the cause is named

Written by \`npm run lab\` (\`-- --all\` plays everything); the cases were captured between ${times[0]} and ${times.at(-1)} UTC. Each
scenario and each of its variants is brought about in a fresh state of the same guest (QEMU, emulated), read by the collector
and by the functions that ask AWS, judged, and compared with what was staged. Troubles of AWS are staged in the embedded AWS,
those of the network card by an \`ethtool\` that prints the driver's format; everything else is the kernel's own. What was read is
kept (\`scenarios/*/evidence.json\`) and judged again by every \`npm test\`.

${summary(trials, kernels)}

*Leading cause named*: the first cause is the one that was staged; for a host without trouble, none, and the right answer
(healthy, or not the NAT). *Contributing named*: of all staged. *False findings*: causes named that are not there. *Fixes for
nothing*: proposed or planned for a cause that is not there. *Time*: to read the host and AWS and to judge, in the median; the
collector's own window is 5 s of it.

## Every trial

${table(trials, kernels)}
`;
}

function summary(trials: readonly Trial[], kernels: readonly string[]): string {
  const rows = kernels.map((kernel) => {
    const own = trials.filter((trial) => trial.kernel === kernel);
    const scores = own.map(scoreOf);
    const sum = (count: (score: Score) => number) => scores.reduce((total, score) => total + count(score), 0);
    const contributing = own.reduce((total, { expected }) => total + expected.contributing.length, 0);
    return `| ${kernel} | ${own.length} | ${sum(({ leadingRight }) => Number(leadingRight))} of ${own.length} | ${contributing - sum(({ missed }) => missed.length)} of ${contributing} | ${sum(({ falseFindings }) => falseFindings.length)} | ${sum(({ falseFixes }) => falseFixes.length)} | ${median(own.map(({ seconds }) => seconds)).toFixed(1)} s |`;
  });
  return [
    "| kernel | trials | leading cause named | contributing named | false findings | fixes for nothing | time |",
    "|---|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

function table(trials: readonly Trial[], kernels: readonly string[]): string {
  const cases = Map.groupBy(trials, ({ scenario, variant }) => `${scenario} ${variant ?? ""}`);
  const rows = [...cases.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { scenario, variant, title, expected } = first;
    const staged =
      expected.leading === null ? expected.outcome : [expected.leading, ...expected.contributing].join(", ");
    const cells = kernels.map((kernel) => {
      const trial = group.find((each) => each.kernel === kernel);
      if (trial === undefined) return "not run";
      const score = scoreOf(trial);
      return `${isRight(score) ? "right" : `**${wrong(trial, score)}**`}, ${trial.seconds.toFixed(1)} s`;
    });
    return [
      `| ${scenario}${variant === null ? "" : ` / ${variant}`} | ${title} | ${staged} | ${cells.join(" | ")} |`,
    ];
  });
  return [
    `| scenario | what is staged | expected | ${kernels.map((kernel) => `on ${kernel}`).join(" | ")} |`,
    `|---|---|---|${kernels.map(() => "---|").join("")}`,
    ...rows,
  ].join("\n");
}
