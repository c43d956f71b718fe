/**
 * HTML by a tagged template that escapes everything which is put into it, for text and for quoted attributes alike.
 * Only what this template made itself goes in as it is: no value from JSON can carry the symbol that says so.
 */
const markup: unique symbol = Symbol("markup");

export type Html = { readonly [markup]: string };

type Part = string | number | Html | readonly Html[];

export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  let text = literals[0] ?? "";
  parts.forEach((part, index) => {
    if (text.endsWith("=")) throw new TypeError("an attribute's value must be in quotes");
    text += render(part) + (literals[index + 1] ?? "");
  });
  return { [markup]: text };
}

/** The text to send. */
export const textOf = (part: Html): string => part[markup];

export const nothing = html``;

function render(part: Part): string {
  if (typeof part === "string" || typeof part === "number") return escaped(String(part));
  return markup in part ? part[markup] : part.map(textOf).join("");
}

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/**
 * Besides markup: half surrogate pairs, control characters and those that turn the direction of writing. The latter
 * could make a command read other than it is.
 */
function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(/(?![\n\t])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "\ufffd")
    .replace(/[&<>"']/g, (character) => entities[character] ?? "");
}
