/** What a person reads when an incident ends: the conclusion first, then the whole story in plain text. */
import { type Closing, type Outcome, outcomeOf } from "./closing.ts";
import type { KnownTrigger } from "./incident-record.ts";
import type { Notice } from "./notice.ts";
import { mailText } from "./plain-text.ts";
import { type NextStep, notice } from "./report/chat.ts";
import { cloudSection } from "./report/cloud.ts";
import { decisionLines } from "./report/decision.ts";
import {
  causeSection,
  ruledOutSection,
  troubleFacts,
  unaskedSection,
  unknownSection,
} from "./report/diagnosis.ts";
import { incidentSection, modeReason, placeFact } from "./report/incident.ts";
import type { Fact } from "./report/layout.ts";
import { leftToDo, nextSection } from "./report/next.ts";
import { plainCause } from "./report/plain-cause.ts";
import { changesSection, hostPutBack, mayBeInForce } from "./report/steps.ts";
import { subject } from "./report/subject.ts";
import { alarmsSection, sinceFact } from "./report/triggers.ts";
import { type Verdict, verdictOf } from "./report/verdict.ts";
import { type StepRecord, statusOf } from "./step-record.ts";

/** `triggers`: what the incident store knows of them, the one that opened the incident first; none when it knows nothing. */
export function report(closing: Closing, triggers: readonly KnownTrigger[]): Notice & { outcome: Outcome } {
  const outcome = outcomeOf(closing);
  const { incident, diagnosis, execution, undo, failure } = closing;
  const verdict = verdictOf(closing, outcome);
  const [leading] = diagnosis?.causes ?? [];
  const stop = failure === null ? "" : `stopped at ${failure.state}`;
  const what = reasonAlone(closing.refusal) ?? leading?.title ?? stop;
  // After an undo the diagnosis is an old story.
  const tellsCause = diagnosis !== null && undo === null;
  return {
    outcome,
    ...notice({
      moment: "closed",
      subject: subject(verdict.said, what),
      headline: verdict.headline ?? `${verdict.said}.`,
      facts: factsOf(closing, outcome, verdict, triggers),
      sections: [
        tellsCause ? causeSection(diagnosis) : "",
        cloudSection(closing.cloud),
        changesSection(closing),
        nextSection(closing, outcome),
        tellsCause ? unknownSection(diagnosis) : "",
        tellsCause ? unaskedSection(diagnosis) : "",
        tellsCause ? ruledOutSection(diagnosis) : "",
        incident === null ? "" : alarmsSection(incident, triggers),
        incidentSection(incident, { execution, closedAt: closing.at }),
      ],
      nextSteps: nextSteps(closing),
      thread: incident?.id ?? execution.split(":").at(-1) ?? "nat-medic",
      keywords: [incident?.instanceId ?? "nat-medic", leading?.id ?? "no-cause", outcome],
      relatedResources: [incident?.instanceId ?? null, execution],
    }),
  };
}

/** Without the subject that it begins with: the mail's own says that already. */
function reasonAlone(refusal: Closing["refusal"]): string | undefined {
  if (refusal === null) return undefined;
  const { subject: about, reason } = refusal;
  return reason.startsWith(`${about} `) ? reason.slice(about.length + 1) : reason;
}

function factsOf(
  closing: Closing,
  outcome: Outcome,
  { now, toDo }: Verdict,
  triggers: readonly KnownTrigger[],
): Fact[] {
  const { incident, diagnosis, steps, undo, failure } = closing;
  const isOver = outcome === "fixed" || undo !== null;
  const facts: Fact[] = [];
  if (undo === null) facts.push(...troubleFacts(diagnosis, isOver ? "failed" : "fails"));
  if (closing.refusal !== null) facts.push(["Why", mailText(closing.refusal.reason, 300)]);
  if (incident !== null && undo === null) facts.push(sinceFact(incident, triggers));
  if (incident !== null) facts.push(...placeFact(incident));
  if (failure !== null) {
    const said = [mailText(failure.error, 80), plainCause(failure.cause)].filter((part) => part !== "");
    facts.push(["Trouble", `NAT Medic itself stopped at ${mailText(failure.state, 60)}: ${said.join(": ")}`]);
  }
  const decided = steps.find(({ answer }) => answer !== null)?.answer ?? null;
  if (decided !== null && undo === null && (decided.decision === "approve" || decided.decision === "reject"))
    facts.push(["Decision", decisionLines(decided).join(".").replace(/\s+/g, " ")]);
  for (const record of steps) {
    const became = undo === null ? becameOf(record) : undefined;
    if (became !== undefined) facts.push(["Change", `${mailText(record.step.action, 180)}: ${became}`]);
  }
  for (const step of undo === null ? leftToDo(closing) : []) {
    facts.push(["Proposed", `${mailText(step.action, 200)} (risk ${step.risk})`]);
  }
  if (incident?.modeReason.startsWith("circuit breaker")) facts.push(["Mode", modeReason(incident)]);
  const missing = outcome === "undetermined" ? mostMissed(diagnosis) : undefined;
  if (missing !== undefined) facts.push(["Missing", mailText(missing, 300)]);
  facts.push(["Now", now], ["To do", toDo]);
  return facts;
}

/** What keeps most causes from being judged: the first thing to see to. */
function mostMissed(diagnosis: Closing["diagnosis"]): string | undefined {
  const reasons = [...Map.groupBy(diagnosis?.unknown ?? [], ({ missing }) => missing)];
  return reasons.sort(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

/** What became of a step that came to its turn; the others are among what is proposed. */
function becameOf(record: StepRecord): string | undefined {
  const status = statusOf(record);
  switch (status) {
    case "in-force":
      return "in force and verified";
    case "undone":
      return `put back, because ${whyPutBack(record)}`;
    case "unsettled":
      return "NOT SETTLED, it may be in force";
    case "failed":
      return record.applied === null ? "not made" : "failed, and the host put back what it had done";
    case "refused":
      return "refused by a guard on the host, nothing was changed";
    case "skipped":
      return `skipped when its turn came: ${mailText(record.skipped ?? "", 120)}`;
    case "proposed":
    case "rejected":
    case "unanswered":
    case "withdrawn":
      return undefined;
    default:
      return status satisfies never;
  }
}

function whyPutBack(record: StepRecord): string {
  const { applied, verification } = record;
  if (hostPutBack(record)) return "it was not kept in time, so the host did";
  if (applied?.status === "untold") return "whether it was made is not known";
  switch (verification?.verdict) {
    case "worse":
      return "it made things worse";
    case "unchanged":
      return "it did not help";
    case "better":
      return "it did not help in two windows in a row";
    default:
      return "whether it helped could not be seen";
  }
}

/** For the chat, where the mail's sections are missing. */
function nextSteps(closing: Closing): NextStep[] {
  const { incident, steps } = closing;
  if (incident === null) return [];
  const next: NextStep[] = [`Everything about it: nat-medic show ${incident.id}`];
  if (closing.undo === null && steps.some(mayBeInForce)) {
    next.push(`Put the old values back: nat-medic undo ${incident.id}`);
  }
  if (closing.undo === null && leftToDo(closing).length > 0) {
    next.push("What is proposed: the commands are in the mail");
  }
  return next;
}
