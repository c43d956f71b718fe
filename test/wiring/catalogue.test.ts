/** Every cause has its file, page, scenario and recording; every fix its script and document. One missing fails. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { CauseId } from "../../core/cause.ts";
import { causes } from "../../core/causes.ts";
import { FixId } from "../../core/fix.ts";
import { fixes } from "../../core/fixes.ts";
import { documents } from "../../host/documents.ts";
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

test("the ids, the registry and the files of the causes are the same", () => {
  expect(causes.map(({ id }) => id).sort()).toEqual([...CauseId.options].sort());
  expect(names("core/causes", ".ts")).toEqual([...CauseId.options].sort());
});

test("there is a page for every answer, and none for anything else", () => {
  expect(names("docs/causes", ".md")).toEqual([...CauseId.options, "healthy", "undetermined"].sort());
});

describe.each(names("docs/causes", ".md"))("the page %s", (id) => {
  const page = read("docs/causes", `${id}.md`);
  test("has the sections of every page, in order", () => {
    expect([...page.matchAll(/^## (.+)$/gm)].map(([, heading]) => heading)).toEqual(headings);
  });
  test("is linked from README", () => {
    expect(read("README.md")).toContain(`docs/causes/${id}.md`);
  });
});

test.each(CauseId.options)(
  "%s has a scenario of its own that it leads, staged on a real kernel and recorded",
  (id) => {
    expect(scenarioIds).toContain(id);
    expect(readScenario(id).expect.leading).toBe(id);
    for (const file of ["inject.sh", "recording.json"])
      expect(existsSync(join(root, "scenarios", id, file)), file).toBe(true);
  },
);

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
    expect(kebab(document)).toBe(id);
    expect(existsSync(join(root, "host", `${id}.sh`)), id).toBe(true);
    expect(template.Resources[`${document}Document`]?.Properties.Name).toBe(`NatMedic-${document}`);
  }
  const deployed = Object.values(template.Resources)
    .filter(({ Type }) => Type === "AWS::SSM::Document")
    .map(({ Properties }) => Properties.Name);
  expect(deployed.sort()).toEqual(documents.map(({ name }) => name).sort());
});

test("the documents hold the scripts of host/ to the letter", () => {
  for (const { name, script } of documents) {
    const { mainSteps } = JSON.parse(read("dist", "documents", `${name}.json`));
    const shipped: string[] = mainSteps[0].inputs.runCommand;
    const own = readFileSync(script, "utf8")
      .split("\n")
      .filter((line) => line !== "" && !line.includes("$(dirname"));
    for (const line of own) expect(shipped).toContain(line);
  }
});
