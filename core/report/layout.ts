/** Plain text that reads well in a mail client, a pager and a terminal. */
import type { Observation } from "../cause.ts";

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
  const width = Math.max(0, ...seen.map(({ signal }) => signal.length));
  return seen.map(
    ({ signal, observed, expected }) => `${signal.padEnd(width)}  ${observed}; expected ${expected}`,
  );
}

/** 0.99 -> "99 % sure". */
export function sureness(confidence: number): string {
  return `${Math.round(confidence * 100)} % sure`;
}
