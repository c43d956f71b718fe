/** The daily look's schedule, what it starts, and what its functions may see. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { FleetSelection } from "../../core/fleet.ts";
import { deployedResources } from "../../local/template.ts";
import { template } from "./template.ts";

const scheduled = (parameters: Record<string, string> = {}) =>
  deployedResources(
    {
      file: join(root, "template.yaml"),
      stackName: "nat-medic",
      place: { account: "123456789012", region: "eu-central-1" },
      parameters,
    },
    "AWS::Scheduler::Schedule",
  ).map(({ properties }) => properties as Record<string, any>);
const inputOf = ([schedule]: Record<string, any>[]) => JSON.parse(schedule?.Target.Input);

test("once a day the fleet's machine looks at every instance, and changes nothing", () => {
  const [schedule, ...others] = scheduled();
  expect(others).toEqual([]);
  expect(schedule).toMatchObject({
    ScheduleExpression: "cron(0 6 * * ? *)",
    Target: { Arn: "FleetStateMachine", DeadLetterConfig: { Arn: "UndeliveredEvents.Arn" } },
  });
  const { selection, ...rest } = inputOf(scheduled());
  expect(rest).toEqual({ purpose: "prevent", mode: "propose", probe: false, complaint: false });
  expect(FleetSelection.parse(selection)).toEqual({ all: true, places: [null] });
});

test("an empty schedule is none, and nothing else of it is a condition", () => {
  expect(scheduled({ PreventionSchedule: "" })).toEqual([]);
});

test("it looks in other accounts and Regions too, when they are named", () => {
  const spoke = { account: "222222222222", region: "us-east-1" };
  const places = JSON.stringify([null, spoke]);
  const { AllowedPattern } = template.Parameters.LookAheadPlaces as unknown as { AllowedPattern: string };
  expect(places).toMatch(new RegExp(AllowedPattern));
  const { selection } = inputOf(scheduled({ LookAheadPlaces: places }));
  expect(FleetSelection.parse(selection).places).toEqual([null, spoke]);
  for (const wrong of ["", "null", "[]", '[null],"mode":"apply"', '[{"account":"1","region":"x"}]']) {
    expect(wrong).not.toMatch(new RegExp(AllowedPattern));
  }
});

test("the schedule may start the fleet's machine and nothing else", () => {
  const [policy] = template.Resources.LookAheadScheduleRole?.Properties.Policies ?? [];
  expect(policy.PolicyDocument.Statement).toEqual([
    { Effect: "Allow", Action: "states:StartExecution", Resource: { Ref: "FleetStateMachine" } },
    { Effect: "Allow", Action: "sqs:SendMessage", Resource: { "Fn::GetAtt": "UndeliveredEvents.Arn" } },
  ]);
});

test.each([
  ["LookAheadRole", ["dynamodb:GetItem", "dynamodb:PutItem"], ["prevention/*", "prevention-of/*"]],
  [
    "ReportPreventionRole",
    ["dynamodb:GetItem", "dynamodb:Query", "dynamodb:PutItem"],
    ["prevention", "prevention/*"],
  ],
])("%s sees no incident and no lock", (role, actions, keys) => {
  const [policy] = template.Resources[role]?.Properties.Policies ?? [];
  const onTable = policy.PolicyDocument.Statement.filter(
    ({ Resource }: { Resource: unknown }) =>
      JSON.stringify(Resource) === '{"Fn::GetAtt":"IncidentTable.Arn"}',
  );
  expect(onTable).toEqual([
    {
      Effect: "Allow",
      Action: actions,
      Resource: { "Fn::GetAtt": "IncidentTable.Arn" },
      Condition: { "ForAllValues:StringLike": { "dynamodb:LeadingKeys": keys } },
    },
  ]);
});
