/** The page on which a person decides about the changes of one plan: all that they need for it, and nothing else. */
import type { Answer, DecisionRequest } from "../decision.ts";
import type { IncidentRecord } from "../incident-record.ts";
import { instanceName, placeText } from "../place.ts";
import type { PlanStep } from "../plan.ts";
import { causeSection } from "./cause.ts";
import { chart } from "./chart.ts";
import { document } from "./document.ts";
import { type Html, html, nothing } from "./html.ts";
import { closingCard, outcomePill, progressTag, timelineSection } from "./progress.ts";
import { type PageState, pageState } from "./state.ts";
import { riskTag, stepCard } from "./step.ts";
import { distance, left, minute, time } from "./time.ts";
import { stateNames, verdictCard } from "./verdict.ts";

export type ApprovalView = {
  record: IncidentRecord;
  /** The one of `record.requests` that the link is about. */
  request: DecisionRequest;
  /** ISO 8601. */
  now: string;
  /** What the link proves itself with; the form sends it along. */
  key: string;
  /** What this visitor answered a moment ago; null when they only look. */
  said: Answer | null;
};

export function approvalPage(view: ApprovalView): string {
  const { record, request, now } = view;
  const { incident, findings } = record;
  const state = pageState(record, request, now);
  const plan = findings?.plan.steps ?? [];
  const asked = plan.filter(({ fix }) => request.fixes.includes(fix));
  const others = plan.filter(({ fix }) => !request.fixes.includes(fix));
  const headline = findings?.diagnosis.causes[0]?.title ?? "A change needs a decision";
  const verdict = verdictCard(view, asked);
  const story = html`<div class="story">
${closingCard(record)}
${findings === null ? html`<p class="card">No diagnosis is on record for this incident.</p>` : causeSection(findings.diagnosis)}
${metricSection(record)}
${stepsSection(asked, record)}
${othersSection(others, record)}
${state === "waiting" ? html`<p class="jump"><a href="#decide">Decide (${left(request.expiresAt, now)} left)</a></p>` : nothing}
</div>`;
  return document({
    title: `${stateNames[state]}: ${instanceName(incident)} - NAT Medic`,
    aside: html`<p class="soft small">Incident <code>${incident.id}</code></p>`,
    skipTo: { id: "decide", name: "the decision" },
    main: html`<div class="columns">
${intro(view, state, headline)}
${state === "waiting" ? [story, verdict] : [verdict, story]}
<div class="more">${timelineSection(record)}</div>
</div>`,
  });
}

function intro({ record, now }: ApprovalView, state: PageState, headline: string): Html {
  const { incident, triggers, findings } = record;
  const leading = findings?.diagnosis.causes[0];
  const { trigger } = incident;
  return html`<div class="intro">
<p class="tags"><span class="pill pill-${state}">${stateNames[state]}</span>${outcomePill(record)}</p>
<h1>${headline}</h1>
${leading === undefined ? nothing : html`<p class="lede">${leading.symptom}</p>`}
<dl class="facts">
<div><dt>NAT instance</dt><dd><code>${incident.instanceId}</code>${instanceType(record)}${place(incident)}</dd></div>
<div><dt>Since</dt><dd>${minute(trigger.at)}<p class="soft">${distance(trigger.at, now)}</p></dd></div>
<div><dt>Known by</dt><dd>${triggers.length === 0 ? triggerName(trigger) : triggers.map((known) => html`<p>${triggerName(known.trigger)}${known.clearedAt === null ? nothing : html` <span class="tag">cleared ${time(known.clearedAt)}</span>`}</p>`)}</dd></div>
<div><dt>Mode</dt><dd>${incident.mode}<p class="soft">${incident.modeReason}</p></dd></div>
</dl>
</div>`;
}

function instanceType({ findings }: IncidentRecord): Html {
  const type = findings?.evidence.cloud.instance?.type;
  return type === undefined ? nothing : html`<p class="soft">${type}</p>`;
}

function place({ place: there }: IncidentRecord["incident"]): Html {
  return there === null ? nothing : html`<p class="soft">${placeText(there)}</p>`;
}

function triggerName(trigger: IncidentRecord["incident"]["trigger"]): Html {
  return trigger.kind === "alarm" ? html`alarm ${trigger.alarmName}` : html`a start by hand`;
}

function metricSection({ findings, incident }: IncidentRecord): Html {
  const metric = findings?.evidence.cloud.metric;
  const at = incident.trigger.kind === "alarm" ? Date.parse(incident.trigger.at) : Number.NaN;
  const picture =
    metric === undefined || metric === null
      ? html`<p class="soft">The metric could not be read, or no metric started this.</p>`
      : chart(metric, Number.isNaN(at) ? null : Math.round(at / 1000));
  return html`<section aria-labelledby="metric"><h2 id="metric">The metric around the alarm</h2>
<div class="card">${picture}</div></section>`;
}

function stepsSection(asked: readonly PlanStep[], record: IncidentRecord): Html {
  if (asked.length === 0) return nothing;
  return html`<section aria-labelledby="changes"><h2 id="changes">${asked.length === 1 ? "The change" : `The ${asked.length} changes`} in question</h2>
<ol class="steps">${asked.map((step, index) => stepCard(step, asked.length === 1 ? "The change" : `Change ${index + 1} of ${asked.length}`, progressTag(step, record)))}</ol></section>`;
}

/** What else the plan holds, so that nobody takes the question for the whole of it. */
function othersSection(others: readonly PlanStep[], record: IncidentRecord): Html {
  const impossible = record.findings?.plan.impossible ?? [];
  if (others.length === 0 && impossible.length === 0) return nothing;
  return html`<section aria-labelledby="others"><h2 id="others">Not part of the question</h2>
<ul class="card plainlist">${others.map(
    (
      step,
    ) => html`<li>${step.action} <span class="tags">${riskTag(step.risk)}${progressTag(step, record)}</span>
<p class="soft">${whyNotAsked(step)}</p></li>`,
  )}${impossible.map(({ fix, reason }) => html`<li><code>${fix}</code> <p class="soft">Not possible here: ${reason}.</p></li>`)}</ul></section>`;
}

function whyNotAsked({ decision, decisionReason, document }: PlanStep): string {
  if (decision === "apply") return "Made at once: the mode allows changes of this risk without a person.";
  if (decisionReason !== "") return `Only proposed: ${decisionReason}.`;
  return document === null
    ? "Only proposed: NAT Medic never does this by itself, also not when you approve."
    : "Only proposed: nothing is done about it, also not when you approve.";
}
