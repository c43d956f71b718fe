/** Why NAT Medic thinks what it thinks: the causes with what was seen and what a healthy host shows. */
import type { Observation } from "../cause.ts";
import type { Diagnosis, FoundCause } from "../diagnosis.ts";
import { type Html, html, nothing } from "./html.ts";

export function causeSection({ causes, ruledOut, unknown, unasked }: Diagnosis): Html {
  const [leading, ...contributing] = causes;
  if (leading === undefined) return nothing;
  return html`<section aria-labelledby="why"><h2 id="why">Why</h2>
<div class="card">
<p class="tags"><code>${leading.id}</code> ${sureness(leading)}</p>
${observations(leading.evidence, leading.title)}
${adviceList(leading)}
${contributing.length === 0 ? nothing : html`<h3>Contributing</h3>${contributing.map(contributor)}`}
${listed(
  ruledOut.length,
  "ruled out",
  ruledOut.map(({ id }) => id),
)}
${listed(unasked.length, "not looked at", unasked.map(named))}
${listed(unknown.length, "that could not be judged", unknown.map(named))}
</div></section>`;
}

const named = ({ subject, missing }: Diagnosis["unknown"][number]) => `${subject} (${missing})`;

function adviceList({ advice }: FoundCause): Html {
  if (advice.length === 0) return nothing;
  return html`<ul class="soft">${advice.map((line) => html`<li>${line}</li>`)}</ul>`;
}

/** Three dozen names would bury what matters. */
function listed(count: number, what: string, names: readonly string[]): Html {
  if (count === 0) return nothing;
  const causes = count === 1 ? "1 cause" : `${count} causes`;
  return html`<details class="soft"><summary>${causes} ${what}</summary><p>${names.join(", ")}</p></details>`;
}

function contributor(cause: FoundCause): Html {
  return html`<details><summary>${cause.title} ${sureness(cause)}</summary>
<p>${cause.symptom}</p>
${observations(cause.evidence, cause.title)}
${adviceList(cause)}
</details>`;
}

function sureness({ confidence }: FoundCause): Html {
  return html`<span class="tag">${Math.round(confidence * 100)} % sure</span>`;
}

export function observations(seen: readonly Observation[], caption: string): Html {
  // The roles are what the elements have by themselves, until the style sheet stacks them on a phone.
  return html`<table role="table"><caption class="unseen">Evidence: ${caption}</caption>
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Signal</th><th role="columnheader" scope="col">Seen</th><th role="columnheader" scope="col">Expected</th></tr></thead>
<tbody role="rowgroup">${seen.map(
    ({ signal, observed, expected }) =>
      html`<tr role="row"><th role="rowheader" scope="row">${signal}</th><td role="cell">${observed}</td><td role="cell">${expected}</td></tr>`,
  )}</tbody></table>`;
}
