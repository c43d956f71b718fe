/** The fleet's alarms and the parameters of the template are those that `core/alarms` speaks of. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { defaultThreshold, fleetAlarms, queryOf } from "../../core/alarms/fleet.ts";
import { instanceAlarms } from "../../core/alarms/names.ts";
import { publishedMetrics } from "../../core/metrics.ts";
import { workSeconds } from "../../functions/keep-alarms/keep.ts";
import { resourcesOf, template } from "./template.ts";

type Properties = Record<string, any>;
const deployed = resourcesOf("AWS::CloudWatch::Alarm")
  .map(([, { Properties }]): Properties => Properties)
  .filter(({ AlarmName }) => String(AlarmName["Fn::Sub"]).includes("-fleet-"));
const nameOf = (what: string) => `\${AWS::StackName}-fleet-${what}`;
const parameters = template.Parameters as Record<string, Record<string, unknown>>;
const page = readFileSync(join(root, "docs", "alarms.md"), "utf8");

test("every alarm of the fleet is deployed as it is described, and no other", () => {
  expect(deployed.map(({ AlarmName }) => AlarmName["Fn::Sub"]).sort()).toEqual(
    fleetAlarms.map(({ what }) => nameOf(what)).sort(),
  );
  for (const alarm of fleetAlarms) {
    const properties = deployed.find(({ AlarmName }) => AlarmName["Fn::Sub"] === nameOf(alarm.what));
    const { threshold, minutes, breaching } = alarm;
    expect(properties, alarm.what).toMatchObject({
      Metrics: [{ Id: "q1", Expression: queryOf(alarm), Period: 60 }],
      ComparisonOperator: breaching === "below" ? "LessThanThreshold" : "GreaterThanOrEqualToThreshold",
      Threshold: typeof threshold === "number" ? threshold : { Ref: threshold.parameter },
      EvaluationPeriods: minutes.of,
      DatapointsToAlarm: minutes.breaching,
      TreatMissingData: "notBreaching",
    });
  }
});

test("the numbers of the parameters are those that core gives reasons for", () => {
  for (const { threshold } of fleetAlarms) {
    if (typeof threshold === "number") continue;
    expect(parameters[threshold.parameter], threshold.parameter).toMatchObject({
      Type: "Number",
      Default: threshold.default,
      MinValue: threshold.least,
      MaxValue: threshold.most,
    });
  }
});

test("every published metric is watched, or is what another is derived from", () => {
  const watched = fleetAlarms.map(({ metric }) => metric);
  expect([...watched, "ConntrackEntries"].sort()).toEqual(Object.keys(publishedMetrics).sort());
});

test("all alarms of a fleet fit into what a Region takes of Metrics Insights alarms, many times", () => {
  // CloudWatch user guide, "Limits" of alarms: 200.
  expect(fleetAlarms.length).toBeLessThanOrEqual(20);
});

test("the function has ended its work when Lambda would end it", () => {
  const { Timeout } = template.Resources.KeepAlarmsFunction?.Properties ?? {};
  expect(workSeconds + 120).toBeLessThanOrEqual(Timeout);
});

test("what the function may write and delete has the stack's name and its tag", () => {
  const [{ PolicyDocument }] = template.Resources.KeepAlarmsRole?.Properties.Policies ?? [];
  const writing = PolicyDocument.Statement.filter(({ Action }: Properties) =>
    /cloudwatch:(Put|Delete|Tag)/.test(String(Action)),
  );
  expect(writing).toHaveLength(2);
  for (const { Resource, Condition } of writing) {
    expect(Resource["Fn::Sub"]).toMatch(/:alarm:\$\{AWS::StackName\}-\*$/);
    const [[key, value] = []] = Object.entries(Condition.StringEquals);
    expect(key).toMatch(/^aws:(Request|Resource)Tag\/nat-medic:stack$/);
    expect(value).toEqual({ Ref: "AWS::StackName" });
  }
});

test("the page about alarms names each of them, its metric and its threshold", () => {
  for (const alarm of fleetAlarms) {
    const [row] = page.split("\n").filter((line) => line.startsWith(`| \`fleet-${alarm.what}\``));
    expect(row, alarm.what).toContain(`\`${alarm.metric}\``);
    expect(row, alarm.what).toContain(defaultThreshold(alarm).toLocaleString("en-US"));
    expect(row, alarm.what).toContain(`${alarm.minutes.breaching} of ${alarm.minutes.of}`);
  }
  for (const what of instanceAlarms) expect(page).toContain(`\`${what}-`);
});
