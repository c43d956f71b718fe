/** The frame of every page. */
import { type Html, html, textOf } from "./html.ts";
import { style } from "./style.ts";

export type Page = {
  /** Of the window. */
  title: string;
  /** Beside our name at the top; may be empty. */
  aside: Html;
  /** Where who cannot see wants to go at once: the id of an element and what it is. */
  skipTo: { id: string; name: string };
  main: Html;
};

/** The style sheet stands in an element of its own, byte for byte, so that a policy can name it by its hash. */
const styleElement = `<style>${style}</style>`;

export function document({ title, aside, skipTo, main }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
${textOf(html`<title>${title}</title>`)}
${styleElement}
</head>
<body>
${textOf(html`<a class="skip" href="#${skipTo.id}">Skip to ${skipTo.name}</a>
<header class="top"><p class="brand">${logo}NAT Medic</p>${aside}</header>
<main id="main">
${main}
</main>`)}
</body>
</html>
`;
}

/** A page that says one thing: not found, not allowed, broken. */
export function plainPage(title: string, words: readonly string[]): string {
  return document({
    title: `${title} - NAT Medic`,
    aside: html``,
    skipTo: { id: "main", name: "the page" },
    main: html`<div class="plain"><h1>${title}</h1>
${words.map((line) => html`<p>${line}</p>`)}</div>`,
  });
}

const logo = html`<svg class="logo" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><rect width="24" height="24" rx="6"/><path d="M12 6v12M6 12h12"/></svg>`;
