/** What a person reads when an incident ends: the whole story in plain text, the conclusion first. */
import { type Closing, type Outcome, outcomeOf } from "./closing.ts";
import { cloudSection } from "./report/cloud.ts";
import { causeSection, ruledOutSection, unknownSection } from "./report/diagnosis.ts";
import { headline } from "./report/headline.ts";
import { section } from "./report/layout.ts";
import { nextSection } from "./report/next.ts";
import { changesSection } from "./report/steps.ts";
import { moment } from "./wording.ts";

export type Message = {
  /** At most 100 printable ASCII characters, as SNS demands of a subject. */
  subject: string;
  body: string;
};

export function report(closing: Closing): Message & { outcome: Outcome } {
  const outcome = outcomeOf(closing);
  const { incident, diagnosis, execution } = closing;
  const { subject, opening } = headline(closing, outcome);
  const body = [
    opening,
    diagnosis === null ? "" : causeSection(diagnosis),
    cloudSection(closing.cloud),
    changesSection(closing),
    nextSection(closing, outcome),
    diagnosis === null ? "" : unknownSection(diagnosis),
    diagnosis === null ? "" : ruledOutSection(diagnosis),
    section("INCIDENT", [
      ...(incident === null
        ? []
        : [
            `${incident.id}, mode ${incident.mode}: ${incident.modeReason}`,
            `Opened ${moment(incident.openedAt)} on ${incident.instanceId}`,
          ]),
      `Execution ${execution}`,
    ]),
  ];
  return { outcome, subject, body: `${body.filter((part) => part !== "").join("\n\n")}\n` };
}
