/** The one question about a plan: for a phone at night (the page), a terminal, and people who have nothing but the mail. */
import type { Diagnosis } from "../diagnosis.ts";
import type { Incident } from "../incident.ts";
import type { Notice } from "../notice.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import type { Plan, PlanStep } from "../plan.ts";
import { duration } from "../wording.ts";
import { shellWord } from "./by-hand.ts";
import { notice } from "./chat.ts";
import { causeSection, troubleFacts, unknownSection } from "./diagnosis.ts";
import { incidentSection, placeFact } from "./incident.ts";
import { type Fact, folded, indent, section } from "./layout.ts";
import { oneLine } from "./opening.ts";
import { settings } from "./steps.ts";
import { subject } from "./subject.ts";
import { alarmsSection, sinceFact, time } from "./triggers.ts";

export type ApprovalRequest = {
  incident: Incident;
  diagnosis: Diagnosis;
  plan: Plan;
  /** What one answer decides about: steps of the plan, in its order. */
  steps: readonly PlanStep[];
  /** The page, with the secret. */
  link: string;
  taskToken: string;
  /** Seconds until the question lapses, and when that is, ISO 8601. */
  patience: number;
  expiresAt: string;
};

export function approvalNotice(request: ApprovalRequest): Notice {
  const { incident, diagnosis, plan, steps, link, taskToken, patience, expiresAt } = request;
  const [leading] = diagnosis.causes;
  const said = `NAT Medic asks about ${instanceName(incident)}`;
  const others = plan.steps.filter(({ fix }) => !steps.some((asked) => asked.fix === fix));
  const lapse = `Without an answer until ${time(expiresAt)} (${duration(patience)}), nothing of this is changed: it is only proposed.`;
  const facts: Fact[] = [
    ...troubleFacts(diagnosis, "fails"),
    sinceFact(incident),
    ...placeFact(incident),
    ...steps.map(
      ({ action, risk }, index): Fact => [
        index === 0 ? "Question" : "and",
        `${mailText(action, 240)} (risk ${risk})`,
      ],
    ),
    ["No answer", lapse],
  ];
  const answer = (decision: "approve" | "reject") =>
    `aws stepfunctions send-task-success --task-token ${shellWord(taskToken)} --task-output '{"decision":"${decision}"}'`;
  return notice({
    moment: "decision",
    subject: subject(said, leading?.title),
    headline: `${said}: may it make ${steps.length === 1 ? "this change" : `these ${steps.length} changes`}?`,
    first: ["Read and decide here (opening the page decides nothing):", "", `  ${link}`, ""],
    facts,
    sections: [
      section(
        steps.length === 1 ? "THE CHANGE" : "THE CHANGES, ONE AT A TIME, EACH VERIFIED BEFORE THE NEXT",
        steps.flatMap((step, index) => [...(index === 0 ? [] : [""]), ...describe(step)]),
      ),
      section("NOT PART OF THE QUESTION", others.flatMap(otherwise)),
      causeSection(diagnosis),
      section("TO ANSWER FROM A TERMINAL", [
        `nat-medic approve ${incident.id}`,
        `nat-medic reject ${incident.id}`,
        "",
        "or with nothing but AWS's own command line, to approve:",
        `  ${answer("approve")}`,
        "to reject:",
        `  ${answer("reject")}`,
      ]),
      unknownSection(diagnosis),
      alarmsSection(incident, []),
      incidentSection(incident),
    ],
    nextSteps: [
      { text: "Read and decide", link },
      `In a terminal: nat-medic approve ${incident.id}`,
      `or: nat-medic reject ${incident.id}`,
    ],
    thread: incident.id,
    keywords: [incident.instanceId, leading?.id ?? "no-cause", "decision"],
    relatedResources: [incident.instanceId],
  });
}

function describe(step: PlanStep): string[] {
  const told = (label: string, text: string) => indent(folded(`${label} ${text}`, { hanging: 9, depth: 4 }));
  return [
    ...folded(`${mailText(step.action, 300)} (risk ${step.risk})`, { hanging: 2 }),
    ...indent(settings(step.settings)),
    ...told("Effect: ", step.effect),
    ...told("Reach:  ", step.blastRadius),
    ...told("Only if:", step.precondition),
    ...told("Checked:", `${step.verifiedBy} If not, it is undone at once.`),
    ...told("Undo:   ", step.undoing),
  ];
}

function otherwise(step: PlanStep): string[] {
  switch (step.decision) {
    case "propose":
      return oneLine(step);
    case "apply":
    case "ask":
      return folded(`- ${mailText(step.action, 300)} (risk ${step.risk}): decided before`, { hanging: 2 });
    default:
      return step.decision satisfies never;
  }
}
