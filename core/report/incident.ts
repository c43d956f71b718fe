import type { Incident } from "../incident.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import { moment } from "../wording.ts";
import { type Fact, folded, section } from "./layout.ts";
import { time } from "./triggers.ts";

/** What to look it up by, and why it was allowed to do what it did. */
export function incidentSection(
  incident: Incident | null,
  { execution, closedAt }: { execution?: string; closedAt?: string } = {},
): string {
  return section("INCIDENT", [
    ...(incident === null
      ? []
      : [
          `${incident.id} on ${instanceName(incident)}, opened ${time(incident.openedAt)}`,
          ...(closedAt === undefined ? [] : [`Closed ${time(closedAt)}`]),
          ...folded(`Mode ${incident.mode}: ${modeReason(incident)}`, { hanging: 2 }),
          `Look at it again: nat-medic show ${incident.id}`,
        ]),
    ...(execution === undefined ? [] : [`Execution ${mailText(execution, 300)}`]),
  ]);
}

/** Where to go, when it is not where the stack is: nothing otherwise. */
export function placeFact({ place }: Pick<Incident, "place">): Fact[] {
  if (place === null) return [];
  const { account, region } = place;
  return [
    [
      "Where",
      `account ${account}, ${region}. Commands of the AWS CLI that follow need that account's credentials and --region ${region}; those of nat-medic run where the stack is.`,
    ],
  ];
}

export function modeReason({ modeReason: reason }: Incident): string {
  return mailText(readable(reason), 300);
}

/** With its times written for people. */
function readable(text: string): string {
  return text.replace(/\d{4}-\d{2}-\d{2}T[\d:.]+Z/g, moment);
}
