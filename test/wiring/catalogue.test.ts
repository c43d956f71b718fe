/** Every cause has its file, page, scenario and recording; every fix its script and document. One missing fails. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { CauseId } from "../../core/cause.ts";
import { causes } from "../../core/causes.ts";
import { FixId } from "../../core/fix.ts";
import { fixes } from "../../core/fixes.ts";
import { documents, withoutRemarks } from "../../host/documents.ts";
import { readScenario, scenarioIds } from "../../local/scenario.ts";
import { template } from "./template.ts";

const names = (folder: string, ending: string) =>
  readdirSync(join(root, folder))
    .filter((file) => file.endsWith(ending))
    .map((file) => file.slice(0, -ending.length))
    .sort();
const read = (...path: string[]) => readFileSync(join(root, ...path), "utf8");
const headings = [
  "Problem",
  "What you see",
  "How it is detected",
  "Check by hand",
  "Fix now",
  "Make it last",
  "Root cause",
  "Undo",
];

/** What a diagnosis can end with besides a cause. */
const answers = ["healthy", "not-the-nat", "undetermined"];

test("the ids, the registry and the files of the causes are the same", () => {
  expect(causes.map(({ id }) => id)).toEqual(CauseId.options);
  expect(names("core/causes", ".ts")).toEqual([...CauseId.options].sort());
});

test("there is a page for every answer, and none for anything else", () => {
  expect(names("docs/causes", ".md")).toEqual([...CauseId.options, ...answers].sort());
});

describe.each(names("docs/causes", ".md"))("the page %s", (id) => {
  const page = read("docs/causes", `${id}.md`);
  test("has the sections of every page, in order", () => {
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual(headings);
  });
  test("says by which signal and threshold it is detected, and what looks alike", () => {
    const detection = page.slice(page.indexOf("## How it is detected"), page.indexOf("## Check by hand"));
    expect(detection).toContain("| signal | threshold | source of the threshold |");
    if (id !== "healthy" && id !== "undetermined")
      expect(detection).toContain("| what looks alike | the signal that settles it |");
    expect(detection.toLowerCase()).toContain("confidence");
  });
  test("links to pages that are there", () => {
    for (const [, target = ""] of page.matchAll(/\]\(([a-z-]+\.md)(?:#[a-z-]+)?\)/g))
      expect(existsSync(join(root, "docs/causes", target)), target).toBe(true);
  });
  test("is linked from README", () => {
    expect(read("README.md")).toContain(`docs/causes/${id}.md`);
  });
});

test.each(CauseId.options)(
  "%s has a scenario of its own that it leads, at more than one severity, staged on a real kernel and recorded",
  (id) => {
    expect(scenarioIds).toContain(id);
    const { expect: expected, variants } = readScenario(id);
    expect(expected.leading).toBe(id);
    expect(Object.keys(variants).length).toBeGreaterThan(0);
    for (const file of ["inject.sh", "recording.json"])
      expect(existsSync(join(root, "scenarios", id, file)), file).toBe(true);
  },
);

test.each(CauseId.options)("%s has tests of its own beside the grid", (id) => {
  const files = readdirSync(join(root, "test/core"), { recursive: true, encoding: "utf8" });
  const naming = files.filter((file) => file.endsWith(".test.ts") && read("test/core", file).includes(id));
  expect(naming.length).toBeGreaterThan(0);
});

test("a fix that we apply is verified by the causes that it serves", () => {
  for (const cause of causes) {
    const applied = cause.fixes.filter((fix) => fixes[fix].document !== null);
    if (applied.length > 0) expect(cause.verify, cause.id).not.toBeNull();
  }
});

test("every fix is one that a cause asks for", () => {
  const asked = new Set(causes.flatMap((cause) => cause.fixes));
  expect([...asked].sort()).toEqual([...FixId.options].sort());
});

test("every fix says when, what, whom it may hurt, how it is verified and taken back", () => {
  for (const { id, precondition, effect, blastRadius, verifiedBy, undoing } of Object.values(fixes))
    for (const text of [precondition, effect, blastRadius, verifiedBy, undoing])
      expect(text.length, id).toBeGreaterThan(10);
});

test("README's recipe to add a cause has at most eight lines of steps", () => {
  const recipe = read("README.md").split("### Add a cause")[1]?.split(/^## /m)[0] ?? "";
  const lines = recipe.split("\n").filter((line) => line.trim() !== "");
  expect(lines.map((line) => Number(/^(\d)\. /.exec(line)?.[1]))).toEqual(lines.map((_, index) => index + 1));
  expect(lines.length).toBeLessThanOrEqual(8);
});

test("a healthy host is staged too", () => {
  expect(readScenario("healthy").expect).toMatchObject({
    outcome: "healthy",
    leading: null,
    contributing: [],
    fixes: [],
  });
});

test("the ids, the registry and the files of the fixes are the same", () => {
  expect(Object.keys(fixes).sort()).toEqual([...FixId.options].sort());
  expect(names("core/fixes", ".ts")).toEqual([...FixId.options].sort());
  for (const [id, fix] of Object.entries(fixes)) expect(fix.id).toBe(id);
});

test("every fix that we apply has its script and its document, deployed by the template", () => {
  const kebab = (name: string) => name.replace(/(?<!^)[A-Z]/g, "-$&").toLowerCase();
  for (const { id, document } of Object.values(fixes)) {
    if (document === null) continue;
    expect(existsSync(join(root, "host", `${kebab(document)}.sh`)), id).toBe(true);
    expect(template.Resources[`${document}Document`]?.Properties.Name).toBe(`NatMedic-${document}`);
  }
  const deployed = Object.values(template.Resources)
    // One other runs documents of AWS and has no script: see enrolment.test.ts.
    .filter(({ Type, Properties }) => Type === "AWS::SSM::Document" && "Fn::Transform" in Properties.Content)
    .map(({ Properties }) => Properties.Name);
  expect(deployed.sort()).toEqual(documents.map(({ name }) => name).sort());
});

test("the documents hold the scripts of host/ to the letter", () => {
  for (const { name, script } of documents) {
    const { mainSteps } = JSON.parse(read("dist", "documents", `${name}.json`));
    const shipped: string[] = mainSteps[0].inputs.runCommand;
    const own = withoutRemarks(readFileSync(script, "utf8").split("\n")).filter(
      (line) => line !== "" && !line.includes("$(dirname"),
    );
    for (const line of own) expect(shipped).toContain(line);
  }
});
