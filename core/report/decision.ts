import type { Decided } from "../decision.ts";
import { mailText } from "../plain-text.ts";
import { time } from "./triggers.ts";

/** Who decided what, and when; a person's own words come last, and on a line of their own. */
export function decisionLines({ decision, by, note, at }: Decided): string[] {
  const when = at === "" ? "" : ` ${time(at)}`;
  const who = mailText(by, 200);
  const words = mailText(note, 500);
  const said = words === "" ? [] : [`  Note: ${words}`];
  switch (decision) {
    case "approve":
      return [`Approved${when}${who === "" ? "" : ` by ${who}`}`, ...said];
    case "reject":
      return [`Rejected${when}${who === "" ? "" : ` by ${who}`}`, ...said];
    case "nobody":
      return ["Nobody answered in time"];
    case "withdrawn":
      return [`Withdrawn${when}: the alarm went back to OK before anybody decided`];
    default:
      return decision satisfies never;
  }
}
