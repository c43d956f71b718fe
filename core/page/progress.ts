/** How far the incident has come. */
import type { Outcome } from "../closing.ts";
import type { IncidentRecord } from "../incident-record.ts";
import type { PlanStep } from "../plan.ts";
import { type StepStatus, statusOf } from "../step-record.ts";
import { timelineOf } from "../timeline.ts";
import { type Html, html, nothing } from "./html.ts";
import { time } from "./time.ts";

const statuses: Readonly<Record<StepStatus, string>> = {
  proposed: "only proposed",
  rejected: "rejected",
  unanswered: "not answered in time",
  withdrawn: "withdrawn",
  skipped: "left out",
  refused: "refused by the host",
  "in-force": "in force, verified",
  undone: "undone",
  unsettled: "unsettled: look at the instance",
  failed: "failed",
};

/** In words where a step stands; empty while nothing is done about it. */
export function progressOf({ fix }: PlanStep, { steps, actions }: IncidentRecord): string {
  const finished = steps.find(({ step }) => step.fix === fix);
  if (finished !== undefined) return statuses[statusOf(finished)];
  const latest = actions.findLast((action) => action.fix === fix);
  if (latest === undefined) return "";
  const done = latest.endedAt !== null;
  switch (latest.action) {
    case "apply":
      return done ? "applied, being verified" : "being applied";
    case "persist":
      return done ? "verified and made to last" : "being made to last";
    case "undo":
      return done ? "put back" : "being put back";
    case "show":
      return "";
    default:
      return latest.action satisfies never;
  }
}

export function progressTag(step: PlanStep, record: IncidentRecord): Html {
  const words = progressOf(step, record);
  return words === "" ? nothing : html` <span class="tag state">${words}</span>`;
}

const outcomes: Readonly<Record<Outcome, string>> = {
  fixed: "Fixed and verified",
  proposed: "Nothing was changed; the changes are proposed",
  undone: "The change was undone",
  healthy: "The instance was found healthy",
  "not-the-nat": "Nothing is wrong on the instance; the reason is elsewhere",
  undetermined: "No cause was found",
  failed: "It failed: a person has to look",
  refused: "Nothing was done",
};

export function outcomePill({ closing }: IncidentRecord): Html {
  if (closing === null) return nothing;
  return html`<span class="pill outcome-${closing.outcome}">${outcomes[closing.outcome]}</span>`;
}

export function closingCard({ closing }: IncidentRecord): Html {
  if (closing === null) return nothing;
  return html`<section class="card" aria-labelledby="outcome"><h2 id="outcome">${outcomes[closing.outcome]}</h2>
<p>Closed ${time(closing.at)}.</p>
<details><summary>The closing message</summary>
<p><b>${closing.subject}</b></p>
<pre>${closing.body}</pre>
</details></section>`;
}

export function timelineSection(record: IncidentRecord): Html {
  return html`<section aria-labelledby="timeline"><h2 id="timeline">What happened so far</h2>
<ol class="card timeline">${timelineOf(record).map(
    ({ at, what }) =>
      html`<li>${at === "" ? nothing : html`<span class="when">${time(at)}</span> `}${what}</li>`,
  )}</ol></section>`;
}
