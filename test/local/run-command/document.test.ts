import { expect, test } from "vitest";
import { buildDocument, documents } from "../../../host/documents.ts";
import { resolveParameters, shellStep } from "../../../local/run-command/document.ts";
import { document } from "./documents.ts";

const parameters = {
  Max: { type: "String", allowedPattern: "^[0-9]{1,7}$" },
  Action: { type: "String", allowedValues: ["apply", "undo"], default: "apply" },
};
const resolve = (given: Record<string, string[]>) => resolveParameters(document("true", parameters), given);

test("what is not given takes its default", () => {
  expect(resolve({ Max: ["65536"] })).toEqual({
    kind: "resolved",
    values: { Max: "65536", Action: "apply" },
  });
});

test.each([
  ["a name that is not declared", { Max: ["1"], Other: ["1"] }, "Other is not declared"],
  ["a name that every object has", { Max: ["1"], constructor: ["1"] }, "constructor is not declared"],
  ["a required value that is missing", {}, "Max requires a value"],
  ["no value at all", { Max: [] }, "Max requires a value"],
  ["two values", { Max: ["1", "2"] }, "takes one value"],
  ["a value outside the list", { Max: ["1"], Action: ["reboot"] }, "none of apply, undo"],
])("%s is refused", (_what, given, problem) => {
  expect(resolve(given)).toMatchObject({ kind: "refused", problem: expect.stringContaining(problem) });
});

test.each([
  "1; reboot",
  "$(reboot)",
  "`reboot`",
  "1\nreboot",
  "1\n",
  " 1",
  "-1",
  "",
  "１",
  "12345678",
  "1 && x",
  "1|x",
])("the value %j does not pass ^[0-9]{1,7}$", (value) => {
  expect(resolve({ Max: [value] }).kind).toBe("refused");
});

test("a pattern without anchors lets a hostile value through here, as it might on AWS", () => {
  const careless = document("true", { Max: { type: "String", allowedPattern: "[0-9]+" } });
  expect(resolveParameters(careless, { Max: ["1; reboot"] }).kind).toBe("resolved");
});

test.each([
  ["60", 60],
  [5, 5],
  [4, 3600],
  ["172801", 3600],
  ["{{ executionTimeout }}", 3600],
  [undefined, 3600],
])("an execution timeout of %j is %i seconds to the agent", (timeoutSeconds, expected) => {
  const step = { runCommand: ["true"], ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }) };
  const mainSteps = [{ action: "aws:runShellScript", name: "run", inputs: step }];
  expect(shellStep("d", { schemaVersion: "2.2", mainSteps }).timeoutSeconds).toBe(expected);
});

test.each([
  ["another schema", { ...document("true"), schemaVersion: "0.3" }],
  [
    "another action",
    {
      schemaVersion: "2.2",
      mainSteps: [{ action: "aws:downloadContent", name: "x", inputs: { runCommand: [] } }],
    },
  ],
  ["a list parameter", document("true", { Names: { type: "StringList" } })],
])("a document with %s is refused before anything runs", (_what, foreign) => {
  expect(() => shellStep("Foreign", foreign)).toThrow(/^Foreign: /);
});

test.each(documents.map(({ name }) => name))(
  "our %s runs here, and every parameter has an anchored pattern",
  (name) => {
    const built = buildDocument(name);
    expect(shellStep(name, built).timeoutSeconds).toBeLessThan(3600);
    for (const parameter of Object.values(built.parameters)) {
      expect(parameter).toMatchObject({
        interpolationType: "ENV_VAR",
        allowedPattern: expect.stringMatching(/^\^.*\$$/),
      });
    }
  },
);
