/** What CloudFormation would make of a template, as far as the local AWS needs it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { templateAlarms } from "../../local/alarms/template-alarms.ts";
import { templateRules } from "../../local/event-bus/template-rules.ts";
import { deployedResources } from "../../local/template.ts";

const folder = mkdtempSync(join(tmpdir(), "nat-medic-template-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "template.yaml");
const place = { account: "123456789012", region: "eu-central-1" };

const deployed = (text: string, parameters = {}) => {
  writeFileSync(file, text);
  return deployedResources({ file, stackName: "nat", place, parameters }, "A");
};

test("parameters, names of AWS and references are put in, and what has no value is left out", () => {
  const text = `
Parameters:
  Threshold: { Type: Number, Default: "80" }
  Names: { Type: CommaDelimitedList, Default: "a,b" }
  Given: { Type: String }
Conditions:
  HasGiven: !Not [!Equals [!Ref Given, ""]]
  Both: !And [!Condition HasGiven, !Equals [!Ref Threshold, 80]]
Resources:
  One:
    Type: A
    Condition: Both
    Properties:
      Threshold: !Ref Threshold
      Names: !Ref Names
      Text: !Sub "\${AWS::StackName} in \${AWS::Region}: \${Given}, \${Other.Arn}"
      Other: [!Ref Other, !GetAtt Other.Arn, !Ref AWS::NoValue]
      Chosen: !If [HasGiven, !Join ["-", [x, !Ref Given]], no]
      Nothing: !Ref AWS::NoValue
  Absent: { Type: A, Condition: HasNot }
  Other: { Type: B }
`.replace("Resources:", "  HasNot: !Not [!Condition HasGiven]\nResources:");
  expect(deployed(text, { Given: "g" })).toEqual([
    {
      logicalId: "One",
      properties: {
        Threshold: 80,
        Names: ["a", "b"],
        Text: "nat in eu-central-1: g, Other.Arn",
        Other: ["Other", "Other.Arn"],
        Chosen: "x-g",
      },
    },
  ]);
});

test.each([
  [
    "{ Value: !Ref Unknown }",
    "Parameters: { Unknown: { Type: String } }",
    "the parameter Unknown has no value",
  ],
  ["{ Value: !Ref AWS::Nothing }", "", "AWS::Nothing is not known here"],
  ["{ Value: !If [Missing, a, b] }", "", "there is no condition Missing"],
  ["{ Value: { 'Fn::ImportValue': x } }", "", "Fn::ImportValue is not resolved here"],
])("%s is refused", (properties, head, message) => {
  const text = `${head}\nResources:\n  One:\n    Type: A\n    Properties: ${properties}\n`;
  expect(() => deployed(text)).toThrow(message);
});

test("the alarms of our template have names of the stack, and are refused no value", () => {
  const alarms = templateAlarms({ file: join(root, "template.yaml"), stackName: "nat", place });
  expect(alarms.length).toBeGreaterThan(8);
  for (const { input } of alarms) expect(input.AlarmName).toMatch(/^(pipeline-)?nat-/);
});

test("a stack with spokes hears their alarms on a bus of its own", () => {
  const rules = (parameters: Record<string, string>) =>
    templateRules({ file: join(root, "template.yaml"), stackName: "nat", place, parameters }).filter(
      ({ bus }) => bus !== "default",
    );
  expect(rules({})).toEqual([]);
  expect(rules({ SpokeAccounts: "222222222222" })).toMatchObject([
    { name: "SpokeAlarms", bus: "SpokeBus", targets: ["RemediateStateMachine"] },
  ]);
});
