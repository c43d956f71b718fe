/** Tests that are rows of the table of faults. The reporter beside this file prints them at the end as one table. */
import { expect, test } from "vitest";
import { documented, merged, type Row, type Section } from "./sections.ts";

declare module "vitest" {
  interface TaskMeta {
    faults?: Section;
  }
}

/** One try. `problems`: what did not hold, in words; empty when all did. */
export type Try = { fault: string; where: string; problems: readonly string[] };

/** `kind`: a heading of docs/faults.md. */
export function faultTable(kind: string) {
  const seen = new Set<string>();
  const see = ({ fault, where }: Row) => seen.add(nameOf(fault, where));

  return {
    /** One try in one test, which asserts as any test does. */
    survives: (fault: string, where: string, run: () => Promise<unknown>) =>
      test.concurrent(`${fault}: ${where}`, async ({ task }) => {
        const row = { fault, where, tried: 1, held: 0 };
        task.meta.faults = { kind, rows: [row] };
        see(row);
        await run();
        row.held = 1;
      }),

    /** Many tries in one test; those of the same fault and place make one row. */
    provoke: (title: string, run: () => Promise<readonly Try[]>) =>
      test(title, async ({ task }) => {
        const tries = await run();
        const rows = rowsOf(tries);
        task.meta.faults = { kind, rows };
        for (const row of rows) see(row);
        expect(tries.filter(({ problems }) => problems.length > 0)).toEqual([]);
      }),

    /** To be called last: the document has exactly these rows. */
    isDocumented: () =>
      test.skipIf(process.env.UPDATE_DOCS === "1")(`docs/faults.md lists all faults of ${kind}`, () => {
        const known = documented().find((section) => section.kind === kind)?.rows ?? [];
        expect([...seen].sort()).toEqual(known.map(({ fault, where }) => nameOf(fault, where)).sort());
      }),
  };
}

const nameOf = (fault: string, where: string) => `${fault} | ${where}`;

const rowsOf = (tries: readonly Try[]): Row[] =>
  merged(
    tries.map(({ fault, where, problems }) => ({
      fault,
      where,
      tried: 1,
      held: problems.length === 0 ? 1 : 0,
    })),
  );
