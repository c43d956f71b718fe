/** The table of faults as text: in docs/faults.md a section for each kind, on the terminal one table. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

/** One kind of fault in one place: how often it was tried, and how often all held. */
export type Row = { fault: string; where: string; tried: number; held: number };
/** `kind`: a heading of the document. */
export type Section = { kind: string; rows: Row[] };

export const documentFile = join(import.meta.dirname, "../../../docs/faults.md");

const preface = `# Faults tried, and what held

Each row is provoked by \`test/local/faults\` against the embedded AWS: real bundles, the real state machine, the real
scripts on a host made of files. \`held\` says in how many of the tries the incident ended as it should: with the truth
told once, nothing changed twice, nothing unverified left in force, and the instance free again. \`npm test\` prints the
same table; \`UPDATE_DOCS=1\` with these tests writes this page.
`;

/** The document's tables, as they were written last. */
export function documented(text: string = readFileSync(documentFile, "utf8")): Section[] {
  return text
    .split(/^## /m)
    .slice(1)
    .map((section) => ({ kind: section.split("\n")[0] ?? "", rows: rowsIn(section) }));
}

function rowsIn(section: string): Row[] {
  const rows = section.matchAll(/^\| (.+?) +\| (.+?) +\| +(\d+) \| +(\d+) \|$/gm);
  return [...rows].map(([, fault = "", where = "", tried, held]) => ({
    fault,
    where,
    tried: Number(tried),
    held: Number(held),
  }));
}

export function asDocument(sections: readonly Section[]): string {
  const inOrder = sections.toSorted((a, b) => a.kind.localeCompare(b.kind));
  return [preface, ...inOrder.map(({ kind, rows }) => `## ${kind}\n\n${tableOf(rows)}`)].join("\n");
}

/** One row for each fault and place, in the order of their first. */
export function merged(rows: readonly Row[]): Row[] {
  const groups = Map.groupBy(rows, ({ fault, where }) => `${fault} | ${where}`);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { fault, where } = first;
    return [{ fault, where, tried: sumOf(group, "tried"), held: sumOf(group, "held") }];
  });
}

const sumOf = (rows: readonly Row[], count: "tried" | "held") =>
  rows.reduce((sum, row) => sum + row[count], 0);

/** All sections as one table, with a last line that adds up. */
export function asOneTable(sections: readonly Section[]): string {
  const rows = sections.flatMap(({ kind, rows }) =>
    rows.map((row) => ({ ...row, fault: `${kind}: ${row.fault}` })),
  );
  const all = { fault: "all", where: "", tried: sumOf(rows, "tried"), held: sumOf(rows, "held") };
  return tableOf([...rows, all]);
}

function tableOf(rows: readonly Row[]): string {
  const cells = [
    ["fault", "where", "tried", "held"],
    ...rows.map(({ fault, where, tried, held }) => [fault, where, String(tried), String(held)]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((line) => line[column]?.length ?? 0)));
  const line = (texts: readonly string[]) =>
    `| ${texts.map((text, n) => (n < 2 ? text.padEnd(widths[n] ?? 0) : text.padStart(widths[n] ?? 0))).join(" | ")} |`;
  const rule = `| ${widths.map((width, n) => (n < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  const [heading = [], ...body] = cells;
  return `${[line(heading), rule, ...body.map(line)].join("\n")}\n`;
}
