import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { fixes } from "../../core/fixes.ts";
import { buildDocument } from "../../host/documents.ts";
import { resourcesOf, template } from "./template.ts";

/** Every `*` of every role, and why it cannot be less. */
const explained: Record<string, string> = {
  "xray:PutTraceSegments": "X-Ray has no resources to name",
  "xray:PutTelemetryRecords": "X-Ray has no resources to name",
  ...Object.fromEntries(
    [
      ...["Instances", "InstanceStatus", "InstanceTypes", "NetworkInterfaces", "Vpcs", "Subnets"],
      ...["NetworkAcls", "RouteTables", "SecurityGroupRules", "VpcEndpoints"],
    ].map((what) => [`ec2:Describe${what}`, "EC2's Describe actions take no resource"]),
  ),
  "ssm:DescribeInstanceInformation": "takes no resource; it only reads",
  "cloudwatch:DescribeAlarmsForMetric": "alarms of any name may watch the metric; it only reads",
  "cloudwatch:DescribeAlarms": "alarms of any name lead here; it only reads",
  "cloudwatch:DescribeAlarmContributors": "series of alarms of any name lead here; it only reads",
  "cloudwatch:ListMetrics": "CloudWatch metrics are no resources of IAM",
  "cloudwatch:ListTagsForResource":
    "only of alarms whose names begin with the stack's: whose they are has to be asked before one is touched",
  "cloudwatch:GetMetricData": "CloudWatch metrics are no resources of IAM",
  "ssm:SendCommand":
    "private hosts carry no tag of ours: only ReadSourcesRole, and only two documents that read (tested below)",
  "ssm:GetCommandInvocation":
    "takes no resource; it shows output of commands, which only our own documents produce here",
  "states:DescribeExecution": "executions of the machine for many alone, whose names are not known before",
  "states:StopExecution": "executions of the machine for many alone, whose names are not known before",
  "ssm:CancelCommand": "takes no resource; it can only stop what was sent",
  "logs:CreateLogDelivery": "log delivery of Step Functions takes no resource",
  "logs:GetLogDelivery": "log delivery of Step Functions takes no resource",
  "logs:UpdateLogDelivery": "log delivery of Step Functions takes no resource",
  "logs:DeleteLogDelivery": "log delivery of Step Functions takes no resource",
  "logs:ListLogDeliveries": "log delivery of Step Functions takes no resource",
  "logs:PutResourcePolicy": "log delivery of Step Functions takes no resource",
  "logs:DescribeResourcePolicies": "log delivery of Step Functions takes no resource",
  "logs:DescribeLogGroups": "log delivery of Step Functions takes no resource",
};

type Statement = {
  Effect: string;
  Action: string | string[];
  Resource: unknown;
  Condition?: Record<string, Record<string, unknown>>;
};
const roles = resourcesOf("AWS::IAM::Role");
const statements = roles.flatMap(([role, { Properties }]) =>
  Properties.Policies.flatMap(({ PolicyDocument }: { PolicyDocument: { Statement: Statement[] } }) =>
    PolicyDocument.Statement.map((statement) => ({ role, statement })),
  ),
) as { role: string; statement: Statement }[];
const of = (role: string) =>
  statements.filter((each) => each.role === role).map(({ statement }) => statement);
const actionsOf = ({ Action }: Statement) => [Action].flat();
const text = (value: unknown) => JSON.stringify(value);

// Of the roles in other accounts that some may assume, test/wiring/spoke.test.ts says more.
test("no action is a wildcard, and no function may pass a role, assume one here, or run a document that is not ours", () => {
  for (const { role, statement } of statements) {
    for (const action of actionsOf(statement)) {
      expect(action, role).not.toContain("*");
      expect(["iam:PassRole", "sts:AssumeRole"], role).not.toContain(action);
    }
  }
  for (const [role, { Properties }] of roles)
    expect(Properties, role).not.toHaveProperty("ManagedPolicyArns");
});

/** Policies beside the roles: what an option adds to several, and what is for the instances themselves. */
const attached = ["AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"].flatMap((type) =>
  resourcesOf(type).flatMap(([policy, { Properties }]) =>
    Properties.PolicyDocument.Statement.map((statement: Record<string, any>) => ({
      policy,
      statement: (statement["Fn::If"]?.[1] ?? statement) as Statement,
    })),
  ),
) as { policy: string; statement: Statement }[];

test("what is attached to roles has no wildcard action either, and a wildcard resource only under a condition", () => {
  expect(attached.length).toBeGreaterThan(2);
  for (const { policy, statement } of attached) {
    for (const action of actionsOf(statement)) {
      expect(action, policy).not.toContain("*");
      expect(action, policy).not.toBe("iam:PassRole");
      if (action === "sts:AssumeRole")
        expect(text(statement.Resource), policy).toContain(":role/nat-medic-spoke-");
    }
    if (text(statement.Resource).includes("*")) expect(statement.Condition, policy).toBeDefined();
  }
});

test("each wildcard resource is explained, and no explanation is left over", () => {
  const wild = new Set<string>();
  for (const { statement } of statements) {
    if (text(statement.Resource).includes("*") && statement.Condition === undefined) {
      for (const action of actionsOf(statement)) wild.add(action);
    }
  }
  expect([...wild].sort()).toEqual(Object.keys(explained).sort());
});

test("each fix has exactly the right that it declares, and only the role that changes hosts has it", () => {
  const declared = new Set(Object.values(fixes).flatMap(({ permissions }) => permissions));
  const documents = of("ChangeHostRole").flatMap((statement) =>
    [...text(statement.Resource).matchAll(/document\/\$\{(\w+)Document\}/g)].map(
      ([, name]) => `ssm:SendCommand NatMedic-${name}`,
    ),
  );
  const ofEc2 = of("ChangeHostRole").flatMap((statement) =>
    actionsOf(statement).filter((action) => action.startsWith("ec2:")),
  );
  expect([...documents, ...ofEc2].sort()).toEqual([...declared].sort());
});

test("the page that anybody can reach sees incidents only, and can answer a task, nothing else", () => {
  const statements = of("DecideRole").filter(
    (statement) => !/^(logs|xray):/.test(actionsOf(statement)[0] ?? ""),
  );
  expect(statements.flatMap(actionsOf).sort()).toEqual([
    "dynamodb:GetItem",
    "dynamodb:Query",
    "dynamodb:UpdateItem",
    "states:SendTaskSuccess",
  ]);
  const [store] = statements.filter((statement) => text(statement).includes("dynamodb:"));
  expect(text(store?.Condition)).toContain('"dynamodb:LeadingKeys":["incident/*"]');
});

test("a public function URL has both permissions, and no other function has one", () => {
  const open = resourcesOf("AWS::Serverless::Function").filter(
    ([, { Properties }]) => "FunctionUrlConfig" in Properties,
  );
  expect(open.map(([name]) => name)).toEqual(["ServeApprovalPageFunction"]);
  expect(template.Resources.ServeApprovalPagePermission?.Properties).toMatchObject({
    Action: "lambda:InvokeFunction",
    InvokedViaFunctionUrl: true,
  });
});

test("commands go only to instances with the tag, and only from our own documents", () => {
  const sends = statements.filter(({ statement }) => actionsOf(statement).includes("ssm:SendCommand"));
  expect(sends.length).toBeGreaterThan(0);
  for (const { role, statement } of sends) {
    const resource = text(statement.Resource);
    if (role === "ReadSourcesRole" && resource.includes("instance/*")) continue;
    if (resource.includes("instance/*")) {
      expect(statement.Condition, role).toEqual({
        StringEquals: { "ssm:resourceTag/nat-medic:enabled": "true" },
      });
    } else {
      const named = [...resource.matchAll(/document\/\$\{(\w+)Document\}/g)].map(([, name]) => name);
      expect(named.length, role).toBe([statement.Resource].flat().length);
      for (const name of named)
        expect(template.Resources[`${name}Document`]?.Type).toBe("AWS::SSM::Document");
    }
  }
});

test("hosts without our tag are only read, by two documents that take no parameter", () => {
  const sent = of("ReadSourcesRole").flatMap((statement) => [
    ...text(statement.Resource).matchAll(/document\/\$\{(\w+)Document\}/g),
  ]);
  const names = sent.map(([, name]) => `NatMedic-${name}`);
  expect(names).toEqual(["NatMedic-CollectSourceEvidence", "NatMedic-CollectWindowsSourceEvidence"]);
  for (const name of names) expect(buildDocument(name).parameters).toEqual({});
});

test("functions that only look cannot send a changing document, and functions that only think can do nothing", () => {
  expect(text(of("ReadHostRole"))).not.toMatch(/RaiseConntrackMax|ShortenConntrackTimeouts/);
  expect(
    of("ThinkRole")
      .flatMap(actionsOf)
      .filter((action) => !/^(logs|xray):/.test(action)),
  ).toEqual([]);
});

test("the policy language of the template holds no explicit account, Region or partition", () => {
  const source = readFileSync(join(root, "template.yaml"), "utf8");
  expect(source).not.toMatch(/arn:aws:|\b\d{12}\b/);
});

const cfnLint = spawnSync("cfn-lint", ["--version"]).status === 0;
test.skipIf(!cfnLint)(
  "cfn-lint has nothing to say (skipped without cfn-lint: pip install cfn-lint)",
  () => {
    expect(execFileSync("cfn-lint", [join(root, "template.yaml")], { encoding: "utf8" })).toBe("");
  },
  60_000,
);

const make = spawnSync("make", ["--version"]).status === 0;
test.skipIf(!make)("the build target that sam build calls makes a bundle (skipped without make)", () => {
  const folder = join(root, "dist", "by-make");
  execFileSync("make", ["-s", "build-DiagnoseFunction", `ARTIFACTS_DIR=${folder}`], { cwd: root });
  expect(readFileSync(join(folder, "handler.mjs"), "utf8")).toContain("handler");
});
