/** The table of what the three documents say and where it lives: every file in it is there, and no row is without proof. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";

const rows = [
  ...readFileSync(join(root, "docs", "seeds.md"), "utf8").matchAll(/^\| ([ABC]\d+) \|(.+)\|$/gm),
].map(([, row = "", cells = ""]) => ({ row, cells: cells.split(" | ").map((cell) => cell.trim()) }));
const paths = (cell: string) => [...cell.matchAll(/`([a-z]+\/[^`]+)`/g)].map(([, path = ""]) => path);

test("the rows of each document are numbered without a gap", () => {
  for (const [letter, count] of [
    ["A", 14],
    ["B", 10],
    ["C", 24],
  ] as const) {
    const numbers = rows.filter(({ row }) => row.startsWith(letter)).map(({ row }) => Number(row.slice(1)));
    expect(numbers, letter).toEqual(Array.from({ length: count }, (_, index) => index + 1));
  }
});

test.each(rows)("row $row says where it lives and what proves it, and both are there", ({ cells }) => {
  const [, , where = "", proof = ""] = cells;
  expect(cells).toHaveLength(4);
  for (const cell of [where, proof]) {
    expect(paths(cell).length).toBeGreaterThan(0);
    for (const path of paths(cell)) expect(existsSync(join(root, path)), path).toBe(true);
  }
});
