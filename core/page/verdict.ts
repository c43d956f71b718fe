/** What became of the question: the form while it waits, and afterwards who decided what. */
import type { Decided } from "../decision.ts";
import type { PlanStep } from "../plan.ts";
import type { ApprovalView } from "./approval-page.ts";
import { type Html, html, nothing } from "./html.ts";
import { type PageState, pageState } from "./state.ts";
import { riskTag } from "./step.ts";
import { distance, time } from "./time.ts";

/** How long a name and a note may be, in characters. */
export const longest = { name: 80, note: 500 } as const;

export const stateNames: Readonly<Record<PageState, string>> = {
  waiting: "Waiting for a decision",
  approved: "Approved",
  rejected: "Rejected",
  lapsed: "Nobody answered in time",
  withdrawn: "Withdrawn: the alarm cleared",
  late: "The answer came too late",
  over: "Closed before anybody decided",
  replaced: "Replaced by a newer question",
};

export function verdictCard(view: ApprovalView, asked: readonly PlanStep[]): Html {
  const state = pageState(view.record, view.request, view.now);
  const body = state === "waiting" ? form(view, asked) : settled(view, state);
  const title = state === "waiting" ? "Your decision" : stateNames[state];
  return html`<section class="card verdict verdict-${state}" id="decide" tabindex="-1" aria-labelledby="decide-title">
<h2 id="decide-title">${title}</h2>
${body}
</section>`;
}

function form({ request, now, key }: ApprovalView, asked: readonly PlanStep[]): Html {
  const { expiresAt } = request;
  return html`<ol class="asked">${asked.map(
    ({ title, risk }) => html`<li><span>${title}</span> ${riskTag(risk)}</li>`,
  )}</ol>
<p>${asked.length === 1 ? "It is" : "One at a time, each"} verified before anything else is done, and undone when it does not help.</p>
<p class="deadline">Open until <b>${time(expiresAt)}</b>, ${distance(expiresAt, now)}. Without an answer nothing is changed: ${asked.length === 1 ? "the change is" : "the changes are"} only proposed.</p>
<form method="post">
<button disabled hidden>Enter in a field decides nothing</button>
<input type="hidden" name="key" value="${key}">
<p class="field"><label for="name">Your name <span class="soft">(optional)</span></label>
<input id="name" name="name" maxlength="${longest.name}" autocomplete="name"></p>
<p class="field"><label for="note">Note for the others <span class="soft">(optional)</span></label>
<textarea id="note" name="note" rows="2" maxlength="${longest.note}"></textarea></p>
<p class="actions"><button class="approve" name="decision" value="approve">${approve(asked.length)}</button>
<button class="reject" name="decision" value="reject">Reject</button></p>
<p class="soft small">Kept with your answer: the name as you type it, your network address, the time.</p>
</form>`;
}

function approve(changes: number): string {
  if (changes === 2) return "Approve both";
  return changes > 2 ? `Approve all ${changes}` : "Approve";
}

const consequences: Readonly<Record<Exclude<PageState, "waiting">, string>> = {
  approved: "Thank you. NAT Medic goes on by itself and tells everybody how it ends.",
  rejected:
    "Thank you. These changes are not made; the message that closes the incident lists them for later.",
  lapsed: "Nothing is changed because of this question. The changes are only proposed.",
  withdrawn: "The trouble went away while the question waited, so nothing is changed because of it.",
  late: "It is on record, but the state machine had gone on without it. What was done meanwhile stands below.",
  over: "The incident ended while the question waited. Nothing is changed because of it.",
  replaced: "NAT Medic had to ask again. Please use the link in its newest message.",
};

function settled(view: ApprovalView, state: Exclude<PageState, "waiting">): Html {
  const { record, request, now, said } = view;
  const { decided, expiresAt } = request;
  const overruled = said !== null && said !== decided?.decision;
  return html`${overruled ? html`<p class="notice" role="status">Your answer came after this was settled and changed nothing.</p>` : nothing}
${decided === null ? nothing : html`<dl class="pairs">${decisionPairs(decided, now)}</dl>`}
${state === "lapsed" ? html`<p>It was open until ${time(expiresAt)}.</p>` : nothing}
<p>${state === "approved" && record.closing !== null ? "Thank you. How it ended stands on this page." : consequences[state]}</p>
<p class="soft small">A question is settled once. This link only shows what becomes of it. <a href="">Load again</a></p>`;
}

function decisionPairs({ decision, by, note, at }: Decided, now: string): Html {
  const byPerson = decision === "approve" || decision === "reject";
  return html`${byPerson ? html`<div><dt>By</dt><dd>${by}</dd></div>` : nothing}
${at === "" ? nothing : html`<div><dt>At</dt><dd>${time(at)}, ${distance(at, now)}</dd></div>`}
${note === "" ? nothing : html`<div><dt>Note</dt><dd class="note">${note}</dd></div>`}`;
}
