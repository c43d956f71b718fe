/**
 * One line that is safe in a shell prompt, an e-mail and a chat message: no control characters, no markup,
 * no link, no mention. For every text that did not come from us: alarm names, error messages, host output.
 */
export function plainLine(text: string, most: number): string {
  const line = text
    .normalize("NFKC")
    .replace(/[^\p{L}\p{N} .,:;/()=%+_-]/gu, " ")
    .replace(/:\/\//g, " ")
    .replace(/\s+/g, " ")
    .trim();
  return line.length <= most ? line : `${line.slice(0, most - 3)}...`;
}
