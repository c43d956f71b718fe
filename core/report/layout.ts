/** Plain text that reads well in a mail client, a pager and a terminal. */
import type { Observation } from "../cause.ts";
import { mailText } from "../plain-text.ts";

/** Prose is folded to this width; commands and columns of values are not, since they are copied and compared. */
const width = 96;

export function section(title: string, lines: readonly string[]): string {
  return lines.length === 0
    ? ""
    : [title, ...lines.map((line) => (line === "" ? "" : `  ${line}`))].join("\n");
}

export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => (line === "" ? "" : `  ${line}`));
}

/** Signals in a column, what was seen and what was expected behind them. */
export function observations(seen: readonly Observation[]): string[] {
  const shown = seen.map(({ signal, observed, expected }) => ({
    signal: mailText(signal, 80),
    rest: `${mailText(observed, 200)}; expected ${mailText(expected, 120)}`,
  }));
  const column = Math.max(0, ...shown.map(({ signal }) => signal.length));
  return shown.map(({ signal, rest }) => `${signal.padEnd(column)}  ${rest}`);
}

/** 0.99 -> "99 % sure". */
export function sureness(confidence: number): string {
  return `${Math.round(confidence * 100)} % sure`;
}

/** Prose in lines of at most `width` columns, all but the first indented by `hanging`. `depth`: how far in it stands. */
export function folded(text: string, { hanging = 0, depth = 2 } = {}): string[] {
  const [first = "", ...words] = text.split(breakable);
  const lines: string[] = [];
  let line = first;
  for (const word of words) {
    if (depth + line.length + 1 + word.length > width) {
      lines.push(line);
      line = `${" ".repeat(hanging)}${word.trimStart()}`;
    } else {
      line = `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** A space between two words, but not one within a command that somebody will copy. */
const breakable =
  /(?<=\S)(?<!\bnat-medic(?: [a-z]+(?: --instance(?: i-[0-9a-f]+(?: --place(?: [0-9]+\/[a-z0-9-]+)?)?(?: --mode)?)?)?)?) (?!--force)/;

/** What matters most, one line each: the same facts open a mail and make a chat message. */
export type Fact = readonly [label: string, text: string];

/** Labels in a column, the texts folded beside them. */
export function factLines(facts: readonly Fact[]): string[] {
  const column = Math.max(0, ...facts.map(([label]) => label.length)) + 2;
  return facts.flatMap(([label, text]) => folded(label.padEnd(column) + text, { hanging: column }));
}

/** The parts of a mail that have something to say. */
export function mail(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}
