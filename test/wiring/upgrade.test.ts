/**
 * A stack of the release before is updated to this template: incidents, settings, and whatever others hold the name of are
 * still there. `previous-template.yaml` is that release's, as it was; `previous-table.jsonl` is what its own functions left in
 * the table after the drill, an item a line as DynamoDB returns it.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { unmarshall } from "@aws-sdk/util-dynamodb";
import { expect, test } from "vitest";
import { incidentFrom, instanceFrom } from "../../aws/incident-store.ts";
import { root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";
import { changesToUndo } from "../../core/undo.ts";

type Resource = { Type: string; Condition?: string; Properties: Record<string, unknown> };
type Template = {
  Parameters: Record<
    string,
    { Type: string; Default?: unknown; AllowedValues?: unknown[]; MinValue?: number; MaxValue?: number }
  >;
  Resources: Record<string, Resource>;
  Outputs: Record<string, { Condition?: string; Value: unknown }>;
};
const read = (...path: string[]) => readTemplate(join(root, ...path)) as Template;
const before = read("test", "wiring", "previous-template.yaml");
const now = read("template.yaml");

/**
 * What keeps something, or is known to others by its name or address, and the properties whose update makes
 * CloudFormation replace it ("Update requires: Replacement" in the reference of each type).
 */
const replacing: Record<string, string[]> = {
  "AWS::DynamoDB::Table": ["TableName", "KeySchema", "AttributeDefinitions", "ImportSourceSpecification"],
  "AWS::SNS::Topic": ["TopicName", "FifoTopic"],
  "AWS::SNS::Subscription": ["TopicArn", "Protocol", "Endpoint"],
  "AWS::SQS::Queue": ["QueueName", "FifoQueue"],
  "AWS::Logs::LogGroup": ["LogGroupName", "LogGroupClass"],
  // With UpdateMethod NewVersion only its name; without it every property.
  "AWS::SSM::Document": ["Name", "DocumentType", "UpdateMethod"],
  // The name is in every execution's ARN, the incidents' record of who works on them among them.
  "AWS::Serverless::StateMachine": ["Name", "Type"],
};
const keeping = Object.entries(before.Resources).filter(([, { Type }]) => Type in replacing);

test("everything that keeps something is there under the same logical ID, unconditionally as before", () => {
  expect(keeping.length).toBeGreaterThan(12);
  for (const [name, { Type, Condition }] of keeping) {
    expect(now.Resources[name]?.Type, name).toBe(Type);
    expect(now.Resources[name]?.Condition, name).toBe(Condition);
  }
});

test.each(keeping)("%s is updated in place, never replaced", (name, { Type, Properties }) => {
  for (const property of replacing[Type] ?? [])
    expect(now.Resources[name]?.Properties[property], property).toEqual(Properties[property]);
});

test("the approval page keeps its address: links in mails of before still open", () => {
  const [old, present] = [before, now].map(
    ({ Resources }) => Resources.ServeApprovalPageFunction?.Properties,
  );
  expect(present).toHaveProperty("FunctionUrlConfig", old?.FunctionUrlConfig);
  for (const property of ["FunctionName", "PackageType"])
    expect(present?.[property]).toEqual(old?.[property]);
});

test("no function or role got a fixed name, or lost its logical ID", () => {
  for (const [name, { Type, Properties }] of Object.entries(before.Resources)) {
    if (!["AWS::Serverless::Function", "AWS::IAM::Role"].includes(Type)) continue;
    expect(now.Resources[name]?.Type, name).toBe(Type);
    for (const property of ["FunctionName", "RoleName", "Path"])
      expect(now.Resources[name]?.Properties[property], name).toEqual(Properties[property]);
  }
});

test("no parameter is gone or takes less than before, its default is the same, and each new one has a default", () => {
  for (const [name, old] of Object.entries(before.Parameters)) {
    const present = now.Parameters[name];
    expect(present?.Type, name).toBe(old.Type);
    expect(present?.Default, name).toEqual(old.Default);
    expect(present?.AllowedValues ?? [], name).toEqual(expect.arrayContaining(old.AllowedValues ?? []));
    expect(present?.MinValue ?? -Infinity, name).toBeLessThanOrEqual(old.MinValue ?? -Infinity);
    expect(present?.MaxValue ?? Infinity, name).toBeGreaterThanOrEqual(old.MaxValue ?? Infinity);
  }
  for (const [name, parameter] of Object.entries(now.Parameters))
    expect(parameter, name).toHaveProperty("Default");
});

test("no output is gone or conditional", () => {
  for (const [name, { Condition }] of Object.entries(before.Outputs)) {
    expect(now.Outputs, name).toHaveProperty(name);
    expect(now.Outputs[name]?.Condition, name).toBe(Condition);
  }
});

test("the table is not deleted by what replaces it, and its items expire by the same attribute", () => {
  const table = now.Resources.IncidentTable as Resource & { UpdateReplacePolicy?: string };
  expect(table.UpdateReplacePolicy).toBe("Retain");
  for (const property of ["TimeToLiveSpecification", "PointInTimeRecoverySpecification", "BillingMode"])
    expect(table.Properties[property]).toEqual(before.Resources.IncidentTable?.Properties[property]);
});

test("an incident that the release before kept can be read, shown and undone", () => {
  const lines = readFileSync(join(root, "test", "wiring", "previous-table.jsonl"), "utf8")
    .trim()
    .split("\n");
  const items = lines.map((line) => JSON.parse(line));
  const under = (prefix: string) =>
    items
      .map((item): Record<string, unknown> => unmarshall(item))
      .filter(({ pk }) => String(pk).startsWith(prefix));
  const record = incidentFrom(under("incident/"));
  expect(record).toMatchObject({
    status: "closed",
    closing: { outcome: "fixed" },
    // Nobody said where it was then: in the stack's own account and Region.
    incident: { instanceId: "i-0a1b2c3d4e5f67890", place: null },
    findings: { diagnosis: { status: "cause-found" } },
  });
  if (record === undefined) return;
  expect(record.steps).toHaveLength(3);
  expect(changesToUndo(record).map(({ step }) => step.fix)).toEqual(["raise-conntrack-max"]);
  const instance = instanceFrom(under("instance/"));
  expect(instance.open).toBeNull();
  expect(instance.closed?.incidentId).toBe(record.incident.id);
  expect(Object.keys(instance.automaticChanges)).toHaveLength(1);
});
