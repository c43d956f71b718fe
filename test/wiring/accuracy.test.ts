/** docs/accuracy.md is what the present causes make of the evidence that is kept, and names every scenario. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { scenarioIds } from "../../local/scenario.ts";
import { accuracyPage } from "../../scenarios/accuracy.ts";

const page = readFileSync(join(root, "docs", "accuracy.md"), "utf8");

test("the page is up to date: npm run lab writes it", () => {
  expect(page).toBe(accuracyPage());
});

test.each(scenarioIds)("it has the scenario %s", (id) => {
  expect(page).toContain(`| ${id} |`);
});
