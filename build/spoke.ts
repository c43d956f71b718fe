/**
 * The template of a spoke: what `spoke/template.yaml` has, and what belongs to the instances in the hub's own, with all
 * that this refers to. What decides and remembers (state machines, store, topics for people) stays in the hub.
 */
import { join } from "node:path";
import { stringify } from "yaml";
import * as z from "zod/mini";
import { folderName, root } from "./layout.ts";
import { referencesIn } from "./references.ts";
import { readTemplate } from "./template.ts";

const Named = z.record(z.string(), z.unknown());
const Resource = z.looseObject({ Type: z.string(), Properties: z._default(Named, {}) });
const Group = z.looseObject({ Parameters: z.array(z.string()) });
const Template = z.looseObject({
  Metadata: z.looseObject({
    "AWS::CloudFormation::Interface": z.object({ ParameterGroups: z.array(Group) }),
  }),
  Parameters: Named,
  Conditions: z._default(Named, {}),
  Globals: z.optional(z.object({ Function: z.looseObject({ Environment: z.object({ Variables: Named }) }) })),
  Resources: z.record(z.string(), Resource),
  Outputs: z._default(Named, {}),
});
const Events = z.record(z.string(), z.looseObject({ Properties: Named }));
const Statement = z.looseObject({ Action: z.union([z.string(), z.array(z.string())]) });
const Policies = z.array(z.object({ PolicyDocument: z.object({ Statement: z.array(Statement) }) }));
const Refs = z.array(z.object({ Ref: z.string() }));
type Template = z.infer<typeof Template>;
type Resource = z.infer<typeof Resource>;
type Resources = Template["Resources"];

const read = (...path: string[]): Template => Template.parse(readTemplate(join(root, ...path)));

/** Everything of Systems Manager, every alarm on instances, and those. */
const chosen: readonly string[] = [
  "KeepAlarmsFunction",
  "InstanceAlarms",
  "InstancePolicy",
  "UndeliveredEventsAlarm",
];
/** Names of alarms on instances; those on NAT Medic itself begin otherwise. */
const ofInstances = /^\$\{AWS::StackName\}-/;
/** What belongs to others that do not name it: to the ones that these properties name. */
const attachedBy: Readonly<Record<string, string>> = {
  "AWS::SQS::QueuePolicy": "Queues",
  "AWS::SNS::TopicPolicy": "Topics",
  "AWS::SNS::Subscription": "TopicArn",
  "AWS::Lambda::Permission": "FunctionName",
  "AWS::IAM::ManagedPolicy": "Roles",
  "AWS::IAM::Policy": "Roles",
};
/** Who refers to one of these is no part of a spoke: it would bring half a hub with it. */
const central = /^AWS::(Serverless::StateMachine|DynamoDB::Table|Events::EventBus)$/;
/** Of the variables that all functions of the hub have, those that functions of a spoke read. */
const variables: readonly string[] = ["NAT_MEDIC_ALARM_PREFIX"];
/** A role of the hub has these rights in a spoke too; logs, traces, store and topics are the hub's. */
const onInstances = /^(ec2|ssm|cloudwatch):/;

/** @throws Error when what is chosen refers to something that only a hub has */
export function spokeTemplate(): string {
  const hub = read("template.yaml");
  const spoke = read("spoke", "template.yaml");
  const { HubRole, ForwardAlarms, ...others } = spoke.Resources;
  if (HubRole === undefined || ForwardAlarms === undefined)
    throw new Error("spoke/template.yaml lacks a pattern");
  const own = { ...others, ...forwarders(ForwardAlarms, hub), ...counterparts(HubRole, hub) };
  const globals = globalsOf(hub);
  const Resources = { ...own, ...belonging(hub, own, globals) };
  const used = referencesIn([Resources, globals]);
  const Conditions = conditionsFor(hub, used);
  const wanted = new Set([...used, ...referencesIn(Conditions)]);
  const Parameters = { ...spoke.Parameters, ...only(hub.Parameters, (name) => wanted.has(name)) };
  const has = (name: string) => name in Resources || name in Parameters || name.startsWith("AWS::");
  const ParameterGroups = [spoke, hub]
    .flatMap(({ Metadata }) => Metadata["AWS::CloudFormation::Interface"].ParameterGroups)
    .map((group) => ({ ...group, Parameters: group.Parameters.filter((name) => name in Parameters) }))
    .filter((group) => group.Parameters.length > 0);
  const template = {
    ...spoke,
    Metadata: { "AWS::CloudFormation::Interface": { ParameterGroups } },
    Parameters,
    Conditions,
    Globals: { Function: globals },
    Resources,
    Outputs: only(hub.Outputs, (_, output) => [...referencesIn(output)].every(has)),
  };
  // Alarms and their tags are named after the hub, which finds them by it.
  const named: unknown = JSON.parse(JSON.stringify(template).replaceAll("AWS::StackName", "HubStackName"));
  // Quoted: an older YAML, as CloudFormation's, takes `yes` and dates for something else.
  return stringify(named, {
    aliasDuplicateObjects: false,
    lineWidth: 0,
    defaultStringType: "QUOTE_DOUBLE",
    defaultKeyType: "PLAIN",
  });
}

/** For each rule by which an alarm starts the hub's process, one that forwards what it would take. */
function forwarders(pattern: Resource, hub: Template): Resources {
  const events = Events.parse(hub.Resources.RemediateStateMachine?.Properties.Events);
  return Object.fromEntries(
    Object.entries(events).map(([name, { Properties: event }]) => [
      `Forward${name}`,
      { ...pattern, Properties: { ...pattern.Properties, EventPattern: event.Pattern } },
    ]),
  );
}

/** For each role of the hub that may work in spokes, its own there. */
function counterparts(pattern: Resource, hub: Template): Resources {
  const roles = Refs.parse(hub.Resources.SpokePolicy?.Properties.Roles);
  return Object.fromEntries(
    roles.map(({ Ref: role }) => {
      const statements = Policies.parse(hub.Resources[role]?.Properties.Policies)
        .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
        .map((statement) => ({
          ...statement,
          Action: [statement.Action].flat().filter((it) => onInstances.test(it)),
        }))
        .filter(({ Action }) => Action.length > 0);
      const PolicyDocument = { Version: "2012-10-17", Statement: statements };
      const named = Resource.parse(JSON.parse(JSON.stringify(pattern).replaceAll("HubRole", role)));
      const rights = [{ PolicyName: "as-in-the-hub", PolicyDocument }];
      return [role, { ...named, Properties: { ...named.Properties, Policies: rights } }];
    }),
  );
}

/** What is chosen of the hub, and all that this, or what the spoke has of its own, refers to; in the hub's order. */
function belonging(hub: Template, own: Resources, globals: unknown): Resources {
  const others = Object.entries(hub.Resources).filter(([name]) => !(name in own));
  let picked = new Set(others.filter(([name, resource]) => isChosen(name, resource)).map(([name]) => name));
  for (;;) {
    const mine = Object.fromEntries(
      others
        .filter(([name]) => picked.has(name))
        .map(([name, resource]) => [name, placed(name, resource, picked)]),
    );
    const used = referencesIn([own, globals, mine]);
    const isUsed = ([name, resource]: [string, Resource]) =>
      used.has(name) || [...namedBy(resource)].some((other) => picked.has(other));
    const more = new Set([...picked, ...others.filter(isUsed).map(([name]) => name)]);
    if (more.size === picked.size) return mine;
    const foreign = [...more].find((name) => central.test(hub.Resources[name]?.Type ?? ""));
    if (foreign !== undefined)
      throw new Error(`something in a spoke refers to ${foreign}, which is the hub's`);
    picked = more;
  }
}

function isChosen(name: string, { Type, Properties: { AlarmName } }: Resource): boolean {
  const alarm = z.safeParse(z.object({ "Fn::Sub": z.string().check(z.regex(ofInstances)) }), AlarmName);
  return Type.startsWith("AWS::SSM::") || alarm.success || chosen.includes(name);
}

const namedBy = ({ Type, Properties }: Resource) => referencesIn(Properties[attachedBy[Type] ?? ""]);

/** As it lies in `dist/`, beside the bundles and documents; a policy for those of its roles that are here. */
function placed(name: string, { Metadata: _, ...resource }: Resource, picked: ReadonlySet<string>): Resource {
  const {
    Type,
    Properties: given,
    ...others
  } = Resource.parse(JSON.parse(JSON.stringify(resource).replaceAll('"dist/', '"')));
  const CodeUri = `functions/${folderName(name.replace(/Function$/, ""))}`;
  return {
    ...others,
    Type,
    Properties: {
      ...given,
      ...(Type === "AWS::Serverless::Function" && { CodeUri }),
      ...("Roles" in given && { Roles: Refs.parse(given.Roles).filter(({ Ref }) => picked.has(Ref)) }),
    },
  };
}

function globalsOf({ Globals }: Template): Record<string, unknown> {
  const { CodeUri: _, Environment, ...shared } = Globals?.Function ?? { Environment: { Variables: {} } };
  const Variables = only(Environment.Variables, (name) => variables.includes(name));
  return { ...shared, Environment: { Variables } };
}

/** Those that are used, and those of which these are made. */
function conditionsFor(hub: Template, used: ReadonlySet<string>): Record<string, unknown> {
  const mine = only(hub.Conditions, (name) => used.has(name));
  const more = new Set([...used, ...referencesIn(mine)]);
  return more.size === used.size ? mine : conditionsFor(hub, more);
}

function only(all: Record<string, unknown>, keep: (name: string, value: unknown) => boolean) {
  return Object.fromEntries(Object.entries(all).filter(([name, value]) => keep(name, value)));
}
