import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";
import { documents } from "../../host/documents.ts";
import { template } from "./template.ts";

const page = readFileSync(join(root, "docs", "deploy.md"), "utf8");
const { Outputs } = readTemplate(join(root, "template.yaml")) as { Outputs: object };

test("the page names every alarm on the pipeline, and no other", () => {
  const named = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name]) => name);
  const there = Object.values(template.Resources)
    .filter(({ Type }) => Type === "AWS::CloudWatch::Alarm")
    .flatMap(
      ({ Properties }) =>
        /^pipeline-\$\{AWS::StackName\}-(.+)$/.exec(Properties.AlarmName["Fn::Sub"])?.[1] ?? [],
    );
  expect(named.toSorted()).toEqual(there.toSorted());
});

test("every output, parameter, document and page that it names is there", () => {
  for (const name of ["InstancePolicyArn", "DashboardUrl", "PipelineTopicArn"]) {
    expect(page).toContain(`\`${name}\``);
    expect(Outputs).toHaveProperty(name);
  }
  for (const name of ["KmsKeyArn", "ApprovalPageConcurrency", "NotificationEmail"]) {
    expect(page).toContain(`\`${name}\``);
    expect(template.Parameters).toHaveProperty(name);
  }
  expect(documents.map(({ name }) => name)).toContain("NatMedic-RemoveHost");
  for (const [, link = ""] of page.matchAll(/\]\(((?!https:)[^)]+)\)/g))
    expect(existsSync(join(root, "docs", link)), link).toBe(true);
});

test("the key's policy is one that KMS can read, and lets in each service that meets something encrypted", () => {
  const [, json = ""] = /```json\n([\s\S]*?)```/.exec(page) ?? [];
  const statements: { Principal: { Service: string }; Condition?: Record<string, Record<string, string>> }[] =
    JSON.parse(json);
  const conditionOf = (service: string) =>
    JSON.stringify(statements.find(({ Principal }) => Principal.Service === service)?.Condition ?? null);
  expect(statements.map(({ Principal }) => Principal.Service)).toEqual([
    // Who publishes to the pipeline's topic, who writes to the queue by its policy, who writes logs.
    template.Resources.PipelineTopicPolicy?.Properties.PolicyDocument.Statement[0].Principal.Service,
    template.Resources.UndeliveredEventsPolicy?.Properties.PolicyDocument.Statement[0].Principal.Service,
    "logs.eu-central-1.amazonaws.com",
  ]);
  expect(conditionOf("cloudwatch.amazonaws.com")).toContain(":alarm:pipeline-nat-medic-*");
  expect(conditionOf("events.amazonaws.com")).toBe("null");
});
