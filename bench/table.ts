/** Results as plain text. */
import type { Result, Target } from "./result.ts";

export function resultText(result: Result): string {
  const heading = `${result.title}\n${"=".repeat(result.title.length)}`;
  if ("skipped" in result) return `${heading}\nskipped: ${result.skipped}`;
  return [
    heading,
    ...result.method,
    "",
    ...tableLines(result.rows),
    "",
    ...result.targets.map((target) => targetLine(target)),
  ].join("\n");
}

export function tableLines(rows: Record<string, string | number>[]): string[] {
  const columns = Object.keys(rows[0] ?? {}).map((heading) => {
    const cells = rows.map((row) => row[heading] ?? "");
    const texts = [heading, ...cells.map((cell) => cellText(cell))];
    return {
      texts,
      width: Math.max(...texts.map((text) => text.length)),
      rightAligned: cells.every((cell) => typeof cell === "number"),
    };
  });
  return Array.from({ length: 1 + rows.length }, (_, line) =>
    columns
      .map(({ texts, width, rightAligned }) => {
        const text = texts[line] ?? "";
        return rightAligned ? text.padStart(width) : text.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

function targetLine({ what, measured, limit, unit }: Target): string {
  const suffix = unit === "" ? "" : ` ${unit}`;
  const verdict = measured <= limit ? "PASS" : "MISS";
  return `${verdict}  ${what}: ${cellText(measured)}${suffix} (target: at most ${cellText(limit)}${suffix})`;
}

/** Three significant digits of a fraction; whole numbers as they are. */
function cellText(cell: string | number): string {
  if (typeof cell === "string") return cell;
  if (Number.isInteger(cell)) return cell.toLocaleString("en-US");
  return cell >= 100 ? Math.round(cell).toLocaleString("en-US") : cell.toPrecision(3);
}
