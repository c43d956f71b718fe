/** That what enrols an instance fits together: associations, documents, the agent's configuration, and what the role needs. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";
import { metricNamespace, publishedMetrics } from "../../core/metrics.ts";
import { enrolTag } from "../../core/opening.ts";
import { buildDocument } from "../../host/documents.ts";
import { resourcesOf, template } from "./template.ts";

const publisher = readFileSync(join(root, "host/publish-metrics.sh"), "utf8");
const associations = resourcesOf("AWS::SSM::Association");
const { PublishPeriodSeconds } = template.Parameters as Record<string, { AllowedValues?: string[] }>;

test("everything that State Manager does is done to instances with the tag, and to new ones at once", () => {
  expect(associations.map(([name]) => name).sort()).toEqual(["ConfigureAgents", "EnrolHosts"]);
  for (const [name, { Properties }] of associations) {
    expect(Properties.Targets, name).toEqual([{ Key: `tag:${enrolTag.key}`, Values: [enrolTag.value] }]);
    expect(Properties.ApplyOnlyAtCronInterval, name).toBe(false);
    expect(Properties.MaxErrors, name).toBe("100%");
  }
});

test("the association gives the document what it takes", () => {
  const given = template.Resources.EnrolHosts?.Properties.Parameters;
  const { parameters } = buildDocument("NatMedic-EnrolHost");
  for (const name of Object.keys(given)) expect(Object.keys(parameters)).toContain(name);
  const takes = (name: string, value: string) =>
    new RegExp(parameters[name]?.allowedPattern ?? "").test(value);
  for (const period of PublishPeriodSeconds?.AllowedValues ?? []) {
    expect(takes("Period", period), period).toBe(true);
  }
  const [{ "Fn::If": waits }] = given.WaitSeconds;
  for (const seconds of waits.slice(1)) expect(takes("WaitSeconds", seconds), seconds).toBe(true);
  // CloudFormation's own limits for the name of a stack.
  const { LogGroupName } = template.Resources.MetricLogs?.Properties ?? {};
  const group = (stack: string) => LogGroupName["Fn::Sub"].replace("${AWS::StackName}", stack);
  for (const stack of ["nat-medic", "N", "a".repeat(110)]) expect(takes("LogGroup", group(stack))).toBe(true);
});

test("the agent is installed before it is configured, by documents of AWS alone", () => {
  const { Content } = template.Resources.ConfigureAgentDocument?.Properties ?? {};
  const steps = Content.mainSteps.map(({ action, inputs }: { action: string; inputs: object }) => ({
    action,
    ...inputs,
  }));
  expect(steps).toMatchObject([
    {
      action: "aws:runDocument",
      documentPath: "AWS-ConfigureAWSPackage",
      documentParameters: { action: "Install", name: "AmazonCloudWatchAgent" },
    },
    {
      action: "aws:runDocument",
      documentPath: "AmazonCloudWatch-ManageAgent",
      documentParameters: {
        // Never without (append), which would throw away what the agent was configured to do before.
        action: "configure (append)",
        optionalConfigurationLocation: { Ref: "AgentConfiguration" },
      },
    },
  ]);
});

test("the agent listens where the publisher sends to, and to this host alone", () => {
  const { Name, Value } = template.Resources.AgentConfiguration?.Properties ?? {};
  const port = Number(/^AGENT_PORT=(\d+)$/m.exec(publisher)?.[1]);
  const [condition, ...configurations] = Value["Fn::If"];
  expect(condition).toBe("WatchesAgentMetrics");
  const [watched, plain] = configurations.map((text: string) => JSON.parse(text));
  const logs = { metrics_collected: { emf: { service_address: `udp://127.0.0.1:${port}` } } };
  expect(plain).toEqual({ logs });
  expect(watched).toMatchObject({ logs, metrics: { metrics_collected: { ethtool: {} } } });
  expect(publisher).toContain(`PORT = "${port.toString(16).toUpperCase()}"`);
  // CloudWatchAgentServerPolicy covers this prefix, and remove-host.sh knows the file by it.
  expect(Name).toBe("AmazonCloudWatch-nat-medic");
  expect(readFileSync(join(root, "host/remove-host.sh"), "utf8")).toContain(`PART=ssm_${Name}\n`);
});

test("an instance may publish to our namespace and the agent's, write to one log group and read one parameter", () => {
  const { PolicyDocument } = template.Resources.InstancePolicy?.Properties ?? {};
  expect(PolicyDocument.Statement).toEqual([
    {
      Effect: "Allow",
      Action: "cloudwatch:PutMetricData",
      Resource: "*",
      Condition: { StringEquals: { "cloudwatch:namespace": [metricNamespace, "CWAgent"] } },
    },
    {
      Effect: "Allow",
      Action: ["logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
      Resource: { "Fn::Sub": "${MetricLogs.Arn}" },
    },
    expect.objectContaining({ Action: "ssm:GetParameter" }),
  ]);
  expect(JSON.stringify(PolicyDocument.Statement[2].Resource)).toContain("parameter/${AgentConfiguration}");
});

test("the publisher knows every metric by its name and unit, and no other", () => {
  const known = Object.entries(publishedMetrics).map(([name, { unit }]) => `"${name}", "${unit}"`);
  const used = [...publisher.matchAll(/(?:metric|datum|described)\(("[A-Z]\w+", "[A-Za-z/]+")/g)].map(
    ([, pair]) => pair,
  );
  expect([...new Set(used)].sort()).toEqual(known.sort());
  expect(publisher).toContain(`--namespace ${metricNamespace} `);
});
