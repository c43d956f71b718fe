/** One step of a plan, as somebody needs it who has to answer for it. */
import type { Risk, SettingChange } from "../fix.ts";
import type { PlanStep } from "../plan.ts";
import { whereByHand } from "../report/by-hand.ts";
import { duration } from "../wording.ts";
import { type Html, html, nothing } from "./html.ts";

/** `place`: such as "Change 1 of 2". */
export function stepCard(step: PlanStep, place: string, status: Html): Html {
  const { fix, action, risk, settings, precondition, effect, blastRadius, verifiedBy, undoing } = step;
  const heading = `change-${fix}`;
  return html`<li class="card step"><article aria-labelledby="${heading}">
<header><p class="tags"><span class="soft small">${place}</span> ${riskTag(risk)}${status}</p>
<h3 id="${heading}">${action}</h3></header>
${settings.length === 0 ? nothing : diff(settings)}
<dl class="pairs">
<div><dt>Effect</dt><dd>${effect}</dd></div>
<div><dt>Reach</dt><dd>${blastRadius}</dd></div>
<div><dt>Only if</dt><dd>${precondition} Looked at again right before.</dd></div>
<div><dt>Verified by</dt><dd>${verifiedBy} If that is not seen, the change is undone.</dd></div>
<div><dt>Undo</dt><dd>${undoing}</dd></div>
</dl>
<details><summary>Commands, and how to undo by hand</summary>
<h4>What it comes down to, ${whereByHand(step)}</h4>
${commands(step.commands)}
<h4>The way back by hand</h4>
${commands(step.undo)}
</details>
</article></li>`;
}

const risks: Readonly<Record<Risk, string>> = { low: "low risk", medium: "medium risk", high: "high risk" };

export function riskTag(risk: Risk): Html {
  return html`<span class="tag risk-${risk}">${risks[risk]}</span>`;
}

/** Each setting with its value before and after, told apart by sign, word and colour. */
function diff(settings: readonly SettingChange[]): Html {
  return html`<div class="diff">${settings.map(
    ({ setting, before, after }) => html`<p class="setting">${setting}</p>
<p class="before"><span aria-hidden="true">-</span><span class="unseen">before: </span><del>${before}</del>${inWords(setting, before)}</p>
<p class="after"><span aria-hidden="true">+</span><span class="unseen">after: </span><ins>${after}</ins>${inWords(setting, after)}</p>
`,
  )}</div>`;
}

/** The kernel's timeouts are in seconds, and 432000 tells nobody anything. */
function inWords(setting: string, value: string): Html {
  const seconds = Number(value);
  return /_timeout_/.test(setting) && seconds >= 120 ? html`<span>${duration(seconds)}</span>` : nothing;
}

function commands(lines: readonly string[]): Html {
  return html`<pre><code>${lines.join("\n")}</code></pre>`;
}
