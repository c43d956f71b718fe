/** Prints the table of faults when the tests are through; with UPDATE_DOCS=1 also writes it to docs/faults.md. */
import { existsSync, writeFileSync } from "node:fs";
import type { Reporter, TestModule } from "vitest/node";
import { asDocument, asOneTable, documented, documentFile, merged, type Section } from "./sections.ts";

export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const sections = sectionsOf(modules);
    if (sections.length === 0) return;
    console.log(`\nFaults tried, and what held\n\n${asOneTable(sections)}`);
    if (process.env.UPDATE_DOCS === "1") update(sections);
  }
}

function sectionsOf(modules: readonly TestModule[]): Section[] {
  const parts = modules.flatMap(({ children }) =>
    [...children.allTests()].flatMap((test) => test.meta().faults ?? []),
  );
  const kinds = Map.groupBy(parts, ({ kind }) => kind);
  return [...kinds].map(([kind, same]) => ({ kind, rows: merged(same.flatMap(({ rows }) => rows)) }));
}

/** What did not run keeps its section. */
function update(sections: readonly Section[]): void {
  const kinds = new Set(sections.map(({ kind }) => kind));
  const others = existsSync(documentFile) ? documented().filter(({ kind }) => !kinds.has(kind)) : [];
  writeFileSync(documentFile, asDocument([...others, ...sections]));
}
