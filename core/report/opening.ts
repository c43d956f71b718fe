/** The first word of an incident, where a change is made before anybody can have read anything. */
import type { Diagnosis } from "../diagnosis.ts";
import type { Incident } from "../incident.ts";
import type { Notice } from "../notice.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import type { Plan, PlanStep } from "../plan.ts";
import { notice } from "./chat.ts";
import { causeSection, troubleFacts } from "./diagnosis.ts";
import { incidentSection, placeFact } from "./incident.ts";
import { type Fact, folded, indent, section } from "./layout.ts";
import { settings } from "./steps.ts";
import { subject } from "./subject.ts";
import { sinceFact } from "./triggers.ts";

export type Opened = { incident: Incident; diagnosis: Diagnosis; plan: Plan };

/** Null where the question or the closing, which follow within a second, carry the diagnosis. */
export function openingNotice({ incident, diagnosis, plan }: Opened): Notice | null {
  const steps = plan.steps.filter(({ decision }) => decision !== "propose");
  const [first, ...later] = steps;
  if (first === undefined || first.decision !== "apply") return null;
  const proposed = plan.steps.filter(({ decision }) => decision === "propose");
  const [leading] = diagnosis.causes;
  const said = `NAT Medic is changing ${instanceName(incident)}`;
  const facts: Fact[] = [
    ...troubleFacts(diagnosis, "fails"),
    sinceFact(incident),
    ...placeFact(incident),
    ["Change", `${mailText(first.action, 200)} (risk ${first.risk})`],
    ["Reach", first.blastRadius],
    ["Checked", first.verifiedBy],
    ["If not", `The change is undone at once. ${first.undoing}`],
    [
      "Then",
      [...later.map(whatFollows), "One closing message, within minutes of the last change."].join(" "),
    ],
    ["To do", `Nothing now. To take it back later: nat-medic undo ${incident.id}`],
  ];
  return notice({
    moment: "opened",
    subject: subject(said, leading?.title),
    headline: `${said} now.`,
    facts,
    sections: [
      section("WHAT IS BEING CHANGED", [
        ...folded(mailText(first.action, 300), { hanging: 2 }),
        ...indent(settings(first.settings)),
        ...indent(folded(first.effect, { depth: 4 })),
        ...indent(folded(`Only if: ${first.precondition}`, { hanging: 2, depth: 4 })),
      ]),
      section("NOT CHANGED, ONLY PROPOSED", proposed.flatMap(oneLine)),
      causeSection(diagnosis),
      incidentSection(incident),
    ],
    nextSteps: [`Follow it: nat-medic show ${incident.id}`],
    thread: incident.id,
    keywords: [incident.instanceId, leading?.id ?? "no-cause", "opened"],
    relatedResources: [incident.instanceId],
  });
}

function whatFollows({ title, decision }: PlanStep): string {
  return decision === "apply"
    ? `${title}, once this one is verified.`
    : `A question about the next change: ${title}.`;
}

/** A step that is not done now, and why. */
export function oneLine({ action, risk, decisionReason }: PlanStep): string[] {
  const why = decisionReason === "" ? "" : `: ${mailText(decisionReason, 200)}`;
  return folded(`- ${mailText(action, 300)} (risk ${risk})${why}`, { hanging: 2 });
}
