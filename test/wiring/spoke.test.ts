/** Hub and spoke agree: what the hub sends and asks for is in the spoke, for the hub alone, and no more than it has at home. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { bundleFolder, dist, folderName, root, spokeFile } from "../../build/layout.ts";
import { referencesIn } from "../../build/references.ts";
import { spokeTemplate } from "../../build/spoke.ts";
import { readTemplate } from "../../build/template.ts";
import { roleIn } from "../../core/place.ts";
import { documents } from "../../host/documents.ts";
import { template as hub, resourcesOf, type Template } from "./template.ts";

type Whole = Template & {
  Parameters: Record<string, any>;
  Outputs: Record<string, any>;
  Conditions: Record<string, any>;
};
const spoke: Whole = parse(spokeTemplate());
const own = readTemplate(join(root, "spoke", "template.yaml")) as Whole;
const spokes = Object.entries(spoke.Resources);
const ofType = (type: string) => spokes.filter(([, { Type }]) => Type === type);
const text = (value: unknown) => JSON.stringify(value);
/** As a spoke has it: names of alarms begin with the hub's there too. */
const there = <Given>(value: Given): Given =>
  value === undefined ? value : JSON.parse(text(value).replaceAll("AWS::StackName", "HubStackName"));

type Statement = { Effect: string; Action: string | string[]; Resource: unknown; Condition?: unknown };
const statementsOf = ({ Resources }: Template, role: string): Statement[] =>
  (Resources[role]?.Properties.Policies ?? []).flatMap(
    ({ PolicyDocument }: { PolicyDocument: { Statement: Statement[] } }) => PolicyDocument.Statement,
  );
/** One per right: action, where, on which condition. */
const rightsOf = (from: Template, role: string) =>
  statementsOf(from, role).flatMap(({ Effect, Action, Resource, Condition }) =>
    [Action].flat().map((action) => ({ Effect, action, Resource, Condition })),
  );
const onInstances = ({ action }: { action: string }) =>
  ["ec2", "ssm", "cloudwatch"].includes(action.split(":")[0] ?? "");

/** The role of a function in the hub. */
const roleOf = (Properties: Record<string, any>): string =>
  Properties.Role["Fn::GetAtt"].replace(/\.Arn$/, "");
/** Looks after the alarms of its own account and Region: each spoke has its own. */
const stayHome = ["KeepAlarmsRole"];
const workers = resourcesOf("AWS::Serverless::Function").filter(([, { Properties }]) => {
  const role = roleOf(Properties);
  return !stayHome.includes(role) && rightsOf(hub, role).some(onInstances);
});
const workingRoles = [...new Set(workers.map(([, { Properties }]) => roleOf(Properties)))];
const patternOf = (Properties: Record<string, any>): string | undefined =>
  Properties.Environment?.Variables?.NAT_MEDIC_SPOKE_ROLE?.["Fn::Sub"];

test("every document that the hub sends is in the spoke under the same name, as it is at home", () => {
  const names = ofType("AWS::SSM::Document").map(([, { Properties }]) => Properties.Name);
  expect(names).toEqual(expect.arrayContaining(documents.map(({ name }) => name)));
  expect(names).toHaveLength(resourcesOf("AWS::SSM::Document").length);
  for (const [name, { Properties }] of ofType("AWS::SSM::Document")) {
    const located = JSON.parse(text(Properties).replaceAll('"documents/', '"dist/documents/'));
    expect(located, name).toEqual(there(hub.Resources[name]?.Properties));
  }
});

test("associations, parameters and every alarm on instances are as at home", () => {
  const ofInstances = Object.entries(hub.Resources).filter(
    ([, { Type, Properties }]) =>
      /^AWS::SSM::(Association|Parameter)$/.test(Type) ||
      (/^AWS::CloudWatch::(CompositeAlarm|Alarm)$/.test(Type) &&
        !text(Properties.AlarmName).includes("pipeline-")),
  );
  expect(ofInstances.length).toBeGreaterThan(8);
  for (const [name, resource] of ofInstances) expect(spoke.Resources[name], name).toEqual(there(resource));
});

test("what the template refers to is there, and nothing of what only a hub has", () => {
  const known = (name: string) =>
    name.startsWith("AWS::") ||
    name in spoke.Resources ||
    name in spoke.Parameters ||
    name in spoke.Conditions;
  const asked = [...referencesIn([spoke.Resources, spoke.Conditions, spoke.Outputs, spoke.Globals])];
  expect(asked.filter((name) => !known(name))).toEqual([]);
  const types = spokes.map(([, { Type }]) => Type);
  for (const central of ["AWS::Serverless::StateMachine", "AWS::DynamoDB::Table", "AWS::Events::EventBus"]) {
    expect(types).not.toContain(central);
  }
  expect(ofType("AWS::Serverless::Function").map(([name]) => name)).toEqual(["KeepAlarmsFunction"]);
});

test("no parameter is asked for in vain, and each is as at home", () => {
  const used = referencesIn([spoke.Resources, spoke.Conditions, spoke.Globals]);
  for (const [name, parameter] of Object.entries(spoke.Parameters)) {
    expect(used, name).toContain(name);
    if (!(name in own.Parameters)) expect(parameter, name).toEqual(hub.Parameters[name]);
  }
  const groups = spoke.Metadata["AWS::CloudFormation::Interface"].ParameterGroups;
  expect(groups.flatMap(({ Parameters }: { Parameters: string[] }) => Parameters).sort()).toEqual(
    Object.keys(spoke.Parameters).sort(),
  );
  expect(spoke.Parameters.ExternalId.Default).toBe((hub as Whole).Parameters.SpokeExternalId.Default);
});

test("code and documents are where the template says, as npm run build leaves them", () => {
  for (const [, { Properties, Metadata }] of ofType("AWS::Serverless::Function")) {
    expect(existsSync(join(dist, Properties.CodeUri, "handler.mjs")), Properties.CodeUri).toBe(true);
    // Built already: `sam build` would look for a makefile beside it.
    expect(Metadata).toBeUndefined();
  }
  for (const [, location] of text(spoke.Resources).matchAll(/"Location":"([^"]+)"/g)) {
    expect(existsSync(join(dist, location ?? "")), location).toBe(true);
  }
  expect(readFileSync(spokeFile(), "utf8").trimEnd()).toBe(spokeTemplate().trimEnd());
});

test("an older YAML reads the same", () => {
  expect(parse(spokeTemplate(), { version: "1.1" })).toEqual(spoke);
});

test("the hub works in spokes with every role that works on instances, and with no other", () => {
  const { Roles, PolicyDocument } = hub.Resources.SpokePolicy?.Properties ?? {};
  expect(Roles.map(({ Ref }: { Ref: string }) => Ref).sort()).toEqual([...workingRoles].sort());
  for (const [name, { Properties }] of resourcesOf("AWS::Serverless::Function")) {
    const works = workers.some(([worker]) => worker === name);
    expect(patternOf(Properties) !== undefined, name).toBe(works);
  }
  const statements = PolicyDocument.Statement.map(
    (given: { "Fn::If": [string, Statement] }) => given["Fn::If"],
  );
  expect(statements).toHaveLength(2);
  // `*` for the account: the condition names them, since a list of accounts cannot become a list of ARNs in a template.
  for (const [condition, statement] of statements) {
    expect(statement).toEqual({
      Effect: "Allow",
      Action: "sts:AssumeRole",
      Resource: { "Fn::Sub": "arn:${AWS::Partition}:iam::*:role/nat-medic-spoke-*" },
      Condition: {
        StringEquals:
          condition === "HasSpokeAccounts"
            ? { "aws:ResourceAccount": { Ref: "SpokeAccounts" } }
            : { "aws:ResourceOrgID": { Ref: "SpokeOrganization" } },
      },
    });
  }
});

test("no other policy of the hub lets anybody assume a role", () => {
  for (const [name, { Type, Properties }] of Object.entries(hub.Resources)) {
    const isPolicy = /^AWS::IAM::(ManagedPolicy|Policy)$/.test(Type) && name !== "SpokePolicy";
    const given = isPolicy ? Properties.PolicyDocument : Type === "AWS::IAM::Role" ? Properties.Policies : [];
    expect(text(given), name).not.toContain("sts:");
  }
});

test.each(workingRoles)("%s has in a spoke exactly the rights on instances that it has at home", (role) => {
  expect(rightsOf(spoke, role)).toEqual(rightsOf(there(hub), role).filter(onInstances));
  expect(rightsOf(spoke, role).length).toBeGreaterThan(0);
});

test.each(workers)("%s asks for the role in a spoke that is its own", (_name, { Properties }) => {
  const role = roleOf(Properties);
  const { RoleName } = spoke.Resources[role]?.Properties ?? {};
  const place = { account: "222222222222", region: "ap-southeast-1" };
  const named = RoleName["Fn::Sub"].replace("${AWS::Region}", place.region);
  expect(roleIn(place, patternOf(Properties) ?? "")).toBe(
    `arn:\${AWS::Partition}:iam::222222222222:role/${named}`,
  );
  // IAM's own limit.
  expect(named.length).toBeLessThanOrEqual(64);
});

test.each(workingRoles)(
  "of the hub only %s may take on its counterpart, and says the external ID",
  (role) => {
    expect(spoke.Resources[role]?.Properties.AssumeRolePolicyDocument.Statement).toEqual([
      {
        Effect: "Allow",
        Principal: { AWS: { "Fn::Sub": "arn:${AWS::Partition}:iam::${HubAccountId}:root" } },
        Action: "sts:AssumeRole",
        Condition: {
          StringEquals: { "sts:ExternalId": { Ref: "ExternalId" } },
          // The only `*`: what CloudFormation adds to the name of a role.
          ArnLike: {
            "aws:PrincipalArn": {
              "Fn::Sub": `arn:\${AWS::Partition}:iam::\${HubAccountId}:role/\${HubStackName}-${role}-*`,
            },
          },
        },
      },
    ]);
  },
);

test("a hub of the longest name that a spoke takes has roles whose names CloudFormation does not cut", () => {
  const longest = "a".repeat(spoke.Parameters.HubStackName.MaxLength);
  for (const role of workingRoles) expect(`${longest}-${role}-ABCDEFGHIJKL`.length).toBeLessThanOrEqual(64);
});

test("the spoke forwards what the hub's own rule takes, by its own name, to the hub's bus and nowhere else", () => {
  const { Alarm } = hub.Resources.RemediateStateMachine?.Properties.Events ?? {};
  const rules = ofType("AWS::Events::Rule");
  expect(rules.map(([name]) => name)).toEqual(["ForwardAlarm"]);
  const { EventPattern, Targets } = rules[0]?.[1].Properties ?? {};
  expect(EventPattern).toEqual(there(Alarm.Properties.Pattern));
  const bus = {
    "Fn::Sub": "arn:${AWS::Partition}:events:${HubRegion}:${HubAccountId}:event-bus/${HubStackName}-spokes",
  };
  expect(hub.Resources.SpokeBus?.Properties.Name).toEqual({ "Fn::Sub": "${AWS::StackName}-spokes" });
  expect(Targets.map(({ Arn }: { Arn: unknown }) => Arn)).toEqual([bus]);
  expect(Targets[0].DeadLetterConfig).toEqual({ Arn: { "Fn::GetAtt": "UndeliveredEvents.Arn" } });
  expect(rightsOf(spoke, "ForwardAlarmsRole")).toEqual([
    { Effect: "Allow", action: "events:PutEvents", Resource: bus, Condition: undefined },
  ]);
});

test("the hub's bus takes nothing but CloudWatch's own events from named accounts or one organization", () => {
  const policies = resourcesOf("AWS::Events::EventBusPolicy").map(
    ([, { Properties }]) => Properties.Statement,
  );
  expect(policies).toHaveLength(2);
  for (const { Action, Resource, Principal, Condition } of policies) {
    expect(Action).toBe("events:PutEvents");
    expect(Resource).toEqual({ "Fn::GetAtt": "SpokeBus.Arn" });
    expect(Condition.StringEquals["events:source"]).toBe("aws.cloudwatch");
    const everybody = Principal === "*";
    expect(everybody).toBe("aws:PrincipalOrgID" in Condition.StringEquals);
    if (!everybody) expect(Principal).toEqual({ AWS: { Ref: "SpokeAccounts" } });
  }
});

test("nothing of it is deployed where there are no spokes", () => {
  const refers = new Set([
    "SpokeBus",
    "SpokeAlarms",
    "SpokeAlarmsRole",
    "SpokeAccounts",
    "SpokeOrganization",
  ]);
  for (const [name, resource] of Object.entries(hub.Resources)) {
    const without = JSON.parse(text(resource), (_key, value) =>
      value?.["Fn::If"]?.[0] === "HasSpokes" ? null : value,
    );
    if ([...referencesIn(without)].some((used) => refers.has(used)) || refers.has(name)) {
      expect((resource as { Condition?: string }).Condition, name).toMatch(
        /^HasSpoke(s|Accounts|Organization)$/,
      );
    }
  }
});

test("what a spoke adds to its account names no wildcard that the hub's roles have not explained", () => {
  for (const [role, { Properties }] of ofType("AWS::IAM::Role")) {
    for (const statement of statementsOf(spoke, role)) {
      if (!text(statement.Resource).includes("*")) continue;
      expect(rightsOf(there(hub), role), role).toEqual(
        expect.arrayContaining(
          [statement.Action]
            .flat()
            .map((action) => expect.objectContaining({ action, Resource: statement.Resource })),
        ),
      );
    }
    expect(Properties.ManagedPolicyArns, role).toBeUndefined();
  }
});

test("the client of STS lies beside each bundle that may need it, and a start at home does not read it", () => {
  const sts = '"com.amazonaws.sts"';
  for (const [name] of workers) {
    const folder = bundleFolder(folderName(name.replace(/Function$/, "")));
    expect(readFileSync(join(folder, "handler.mjs"), "utf8"), name).not.toContain(sts);
    expect(readFileSync(join(folder, "sts.mjs"), "utf8"), name).toContain(sts);
  }
});

test("what is asked about an instance is asked where it is, and what is remembered is remembered at home", () => {
  const made = readdirSync(join(root, "aws")).flatMap((file) => {
    const source = readFileSync(join(root, "aws", file), "utf8");
    const clients = [...source.matchAll(/(?:new |clientHere\()(\w+)Client\b/g)];
    return clients.map(([whole, client]) => ({ file, client, moves: whole.startsWith("clientHere") }));
  });
  for (const { file, client, moves } of made) {
    // Each spoke keeps its own alarms, by a function there.
    const ofInstances = ["EC2", "SSM", "CloudWatch"].includes(client ?? "") && file !== "alarms.ts";
    expect(moves, `${client} in ${file}`).toBe(ofInstances);
  }
  expect(new Set(made.map(({ client }) => client))).toEqual(
    new Set(["EC2", "SSM", "CloudWatch", "DynamoDB", "SNS", "SFN", "STS"]),
  );
});

const cfnLint = spawnSync("cfn-lint", ["--version"]).status === 0;
test.skipIf(!cfnLint)(
  "cfn-lint has nothing to say of it (skipped without cfn-lint: pip install cfn-lint)",
  () => {
    expect(execFileSync("cfn-lint", [spokeFile()], { encoding: "utf8" })).toBe("");
  },
  60_000,
);
