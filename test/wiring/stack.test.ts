/** What holds for the whole stack, whoever adds to it: parameters, encryption, dead letters, the alarms on itself. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { dist, root } from "../../build/layout.ts";
import { readTemplate } from "../../build/template.ts";
import { pipelineMetrics, pipelineNamespace } from "../../core/pipeline-metrics.ts";
import { resourcesOf, template } from "./template.ts";

type Parameter = {
  Type: string;
  Description?: string;
  Default?: unknown;
  AllowedValues?: unknown[];
  AllowedPattern?: string;
  MinValue?: number;
  MaxValue?: number;
};
const { Parameters, Metadata, Outputs, Conditions } = readTemplate(
  join(root, "template.yaml"),
) as unknown as {
  Parameters: Record<string, Parameter>;
  Metadata: Record<string, any>;
  Outputs: Record<string, { Description?: string; Value: unknown }>;
  Conditions: Record<string, unknown>;
};
const source = readFileSync(join(root, "template.yaml"), "utf8");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const text = (value: unknown) => JSON.stringify(value);
/** `!Ref X`, `!GetAtt X.Arn` and `${X}` anywhere in it. */
const refersTo = (value: unknown, name: string) =>
  new RegExp(`"Ref":"${name}"|"Fn::GetAtt":"${name}\\.|\\$\\{${name}[.}]`).test(text(value));

test.each(Object.entries(Parameters))(
  "the parameter %s is explained, limited, optional, grouped and used",
  (name, parameter) => {
    expect(parameter.Description).toMatch(/^\S.{20,}\.$/s);
    expect(parameter.Description?.length).toBeLessThanOrEqual(4000);
    expect(parameter).toHaveProperty("Default");
    const isLimited =
      parameter.AllowedValues !== undefined ||
      parameter.AllowedPattern !== undefined ||
      (parameter.MinValue !== undefined && parameter.MaxValue !== undefined);
    expect(isLimited).toBe(true);
    const groups = Metadata["AWS::CloudFormation::Interface"].ParameterGroups;
    const grouped = groups.flatMap((group: { Parameters: string[] }) => group.Parameters);
    expect(grouped.filter((each: string) => each === name)).toEqual([name]);
    expect(refersTo([template.Resources, template.Globals, Conditions], name)).toBe(true);
  },
);

test("the groups that the console shows name parameters that are there, and all of them", () => {
  const groups = Metadata["AWS::CloudFormation::Interface"].ParameterGroups;
  const grouped = groups.flatMap((group: { Parameters: string[] }) => group.Parameters);
  expect(grouped.toSorted()).toEqual(Object.keys(Parameters).toSorted());
});

test("a default is among the values that its parameter allows", () => {
  for (const [name, { Type, Default, AllowedValues, AllowedPattern, MinValue, MaxValue }] of Object.entries(
    Parameters,
  )) {
    if (AllowedValues !== undefined) expect(AllowedValues, name).toContain(Default);
    if (AllowedPattern !== undefined) {
      const values = Type === "CommaDelimitedList" ? String(Default).split(",") : [String(Default)];
      for (const value of values) expect(value, name).toMatch(new RegExp(AllowedPattern));
    }
    if (MinValue !== undefined) expect(Number(Default), name).toBeGreaterThanOrEqual(MinValue);
    if (MaxValue !== undefined) expect(Number(Default), name).toBeLessThanOrEqual(MaxValue);
  }
});

test("every output says what it is for", () => {
  for (const [name, { Description }] of Object.entries(Outputs))
    expect(Description, name).toMatch(/^.{10,1024}$/);
});

test("the Serverless Application Repository's block is of this version, and within its limits", () => {
  const block = Metadata["AWS::ServerlessRepo::Application"];
  expect(block.SemanticVersion).toBe(manifest.version);
  expect(block.SpdxLicenseId).toBe(manifest.license);
  expect(block.Description.trim()).toBe(manifest.description);
  expect(block.Name).toMatch(/^[a-zA-Z0-9-]{1,140}$/);
  expect(block.Author).toMatch(/^[a-zA-Z0-9 -]{1,127}$/);
  expect(block.Labels.length).toBeLessThanOrEqual(10);
  for (const label of block.Labels) expect(label).toMatch(/^[a-zA-Z0-9+_:/@-]{1,127}$/);
  for (const file of [block.LicenseUrl, block.ReadmeUrl])
    expect(existsSync(join(root, file)), file).toBe(true);
});

test("it stays within CloudFormation's limits, its documents and state machines included", () => {
  const included = ["documents", "statemachine"].flatMap((folder) =>
    readdirSync(join(dist, folder)).map((file) => statSync(join(dist, folder, file)).size),
  );
  const bytes = included.reduce((sum, size) => sum + size, Buffer.byteLength(source));
  // A template in S3 may have 1 MB; what SAM adds is less than what the comments take.
  expect(bytes).toBeLessThan(1_000_000);
  const events = Object.values(template.Resources).flatMap(({ Properties }) =>
    Object.keys(Properties?.Events ?? {}),
  );
  // SAM makes a rule and a role or permission of each event, and a few more per function.
  const most =
    Object.keys(template.Resources).length +
    events.length * 2 +
    resourcesOf("AWS::Serverless::Function").length * 3;
  expect(most).toBeLessThan(500);
  expect(Object.keys(Parameters).length).toBeLessThanOrEqual(200);
  expect(Object.keys(Outputs).length).toBeLessThanOrEqual(200);
});

test("no function is in a VPC, whose way out may be the very NAT instance that is in trouble", () => {
  expect(source).not.toMatch(/^\s*VpcConfig:/m);
});

/** Where a key of the account's own goes, per type of what keeps data. */
const keyOf: Record<string, (properties: Record<string, any>) => unknown> = {
  "AWS::DynamoDB::Table": ({ SSESpecification }) => SSESpecification?.KMSMasterKeyId,
  "AWS::SNS::Topic": ({ KmsMasterKeyId }) => KmsMasterKeyId,
  "AWS::SQS::Queue": ({ KmsMasterKeyId }) => KmsMasterKeyId,
  "AWS::Logs::LogGroup": ({ KmsKeyId }) => KmsKeyId,
};

test("with a key of one's own, everything that keeps data is encrypted with it", () => {
  const keeping = Object.entries(template.Resources).filter(([, { Type }]) => Type in keyOf);
  expect(keeping.length).toBeGreaterThan(5);
  for (const [name, { Type, Properties }] of keeping) {
    expect((keyOf[Type]?.(Properties) as Record<string, unknown[]>)?.["Fn::If"]?.slice(0, 2), name).toEqual([
      "HasKey",
      { Ref: "KmsKeyArn" },
    ]);
  }
  expect(template.Globals.Function.KmsKeyArn["Fn::If"].slice(0, 2)).toEqual(["HasKey", { Ref: "KmsKeyArn" }]);
});

test("without one, topics that tell of hosts and queues are encrypted with a key of AWS, and logs expire", () => {
  for (const [name, { Properties }] of resourcesOf("AWS::SQS::Queue")) {
    expect(Properties.SqsManagedSseEnabled, name).toEqual({ "Fn::If": ["HasKey", false, true] });
    expect(Properties.MessageRetentionPeriod, name).toBe(1_209_600);
  }
  for (const name of ["Topic", "ChatTopic"]) {
    expect(template.Resources[name]?.Properties.KmsMasterKeyId["Fn::If"][2]).toBe("alias/aws/sns");
  }
  for (const [name, { Properties }] of resourcesOf("AWS::Logs::LogGroup"))
    expect(Properties.RetentionInDays, name).toEqual({ Ref: "LogRetentionDays" });
});

test("a role that writes something that the key encrypts may use the key for it, and one that only runs a function may decrypt", () => {
  const writes = /"(dynamodb:PutItem|dynamodb:UpdateItem|sns:Publish|sqs:SendMessage)"/;
  const users = (policy: string) =>
    (template.Resources[policy]?.Properties.Roles ?? []).map(({ Ref }: { Ref: string }) => Ref).toSorted();
  const writers = resourcesOf("AWS::IAM::Role")
    .filter(([, { Properties }]) => writes.test(text(Properties.Policies)))
    .map(([name]) => name);
  const running = [
    ...resourcesOf("AWS::Serverless::Function"),
    ...resourcesOf("AWS::Serverless::StateMachine"),
  ].map(([, { Properties }]) => String(Properties.Role["Fn::GetAtt"]).replace(/\.Arn$/, ""));
  expect(writers.length).toBeGreaterThan(5);
  expect(users("WriteWithKeyPolicy")).toEqual(writers.toSorted());
  expect(users("UseKeyPolicy")).toEqual(
    [...new Set(running)].filter((name) => !writers.includes(name)).toSorted(),
  );
});

test("what calls a function while the stack is made waits for the rights to the key", () => {
  const calling = Object.entries(template.Resources).filter(([, { Type }]) => Type.startsWith("Custom::"));
  expect(calling.length).toBeGreaterThan(0);
  for (const [name, { Metadata: metadata }] of calling)
    expect(refersTo(metadata, "WriteWithKeyPolicy"), name).toBe(true);
});

/** Rules of EventBridge by the logical ID that they have, or that SAM gives them. */
const rules: [string, Record<string, any>][] = [
  ...[...resourcesOf("AWS::Serverless::Function"), ...resourcesOf("AWS::Serverless::StateMachine")].flatMap(
    ([name, { Properties }]) =>
      Object.entries<Record<string, any>>(Properties.Events ?? {})
        .filter(([, { Type }]) => ["EventBridgeRule", "CloudWatchEvent", "Schedule"].includes(Type))
        .map(([event, { Properties: rule }]): [string, Record<string, any>] => [
          `${name}${event}`,
          { Targets: [rule] },
        ]),
  ),
  ...resourcesOf("AWS::Events::Rule").map(([name, { Properties }]): [string, Record<string, any>] => [
    name,
    Properties,
  ]),
];
const schedules: [string, Record<string, any>][] = [
  ...resourcesOf("AWS::Scheduler::Schedule").map(([name, { Properties }]): [string, Record<string, any>] => [
    name,
    Properties.Target,
  ]),
  ...[...resourcesOf("AWS::Serverless::Function"), ...resourcesOf("AWS::Serverless::StateMachine")].flatMap(
    ([name, { Properties }]) =>
      Object.entries<Record<string, any>>(Properties.Events ?? {})
        .filter(([, { Type }]) => Type === "ScheduleV2")
        .map(([event, { Properties: schedule }]): [string, Record<string, any>] => [
          `${name}${event}`,
          schedule,
        ]),
  ),
];
const queueOf = (target: Record<string, any>): string =>
  String(target?.DeadLetterConfig?.Arn?.["Fn::GetAtt"]).replace(/\.Arn$/, "");

test("what a rule or a schedule cannot deliver goes to a queue of ours", () => {
  const targets = [
    ...rules.flatMap(([name, { Targets }]) => Targets.map((target: object) => [name, target])),
    ...schedules,
  ];
  expect(targets.length).toBeGreaterThanOrEqual(2);
  for (const [name, target] of targets) {
    expect(template.Resources[queueOf(target)]?.Type, name).toBe("AWS::SQS::Queue");
  }
});

test("a function that is invoked without anybody waiting for its answer leaves what it cannot do in a queue of ours", () => {
  const eventual = resourcesOf("AWS::Serverless::Function").filter(([name, { Properties }]) => {
    const isInvoked = resourcesOf("AWS::Lambda::Permission").some(
      ([, permission]) =>
        refersTo(permission.Properties.FunctionName, name) && permission.Properties.Principal !== "*",
    );
    return isInvoked || "Events" in Properties;
  });
  expect(eventual.map(([name]) => name)).toContain("RescueIncidentFunction");
  for (const [name, { Properties }] of eventual) {
    const { OnFailure } = Properties.EventInvokeConfig?.DestinationConfig ?? {};
    const queue = String(OnFailure?.Destination?.["Fn::GetAtt"]).replace(/\.Arn$/, "");
    expect(template.Resources[queue]?.Type, name).toBe("AWS::SQS::Queue");
    const role = template.Resources[Properties.Role["Fn::GetAtt"].replace(/\.Arn$/, "")];
    expect(text(role?.Properties.Policies), name).toContain('"sqs:SendMessage"');
  }
});

const alarms = resourcesOf("AWS::CloudWatch::Alarm");
const pipelineAlarms = alarms.filter(([, { Properties }]) =>
  text(Properties.AlarmName).includes("pipeline-"),
);
const watchedBy = (metricName: RegExp, name: string) =>
  pipelineAlarms.some(([, { Properties }]) => {
    const metrics = Properties.Metrics?.map(({ MetricStat }: any) => MetricStat?.Metric) ?? [Properties];
    const unwrapped = [
      ...metrics,
      ...(Properties.Metrics ?? []).map((each: any) => each["Fn::If"]?.[1]?.MetricStat?.Metric),
    ];
    return unwrapped.some(
      (metric: any) => metricName.test(metric?.MetricName ?? "") && refersTo(metric.Dimensions, name),
    );
  });

test("every queue, rule and state machine, and every function that no state machine calls, has an alarm", () => {
  for (const [queue] of resourcesOf("AWS::SQS::Queue"))
    expect(watchedBy(/^ApproximateNumberOfMessagesVisible$/, queue), queue).toBe(true);
  for (const [rule] of rules) {
    // Its sweep makes good what an event did not.
    if (!rule.startsWith("KeepAlarmsFunction"))
      expect(watchedBy(/^FailedInvocations$/, rule), rule).toBe(true);
  }
  for (const [machine] of resourcesOf("AWS::Serverless::StateMachine"))
    for (const metric of [
      "ExecutionsFailed",
      "ExecutionsTimedOut",
      "ExecutionsAborted",
      "ExecutionThrottled",
    ])
      expect(watchedBy(new RegExp(`^${metric}$`), machine), `${metric} of ${machine}`).toBe(true);
  for (const [name] of resourcesOf("AWS::Serverless::Function")) {
    const isState = resourcesOf("AWS::Serverless::StateMachine").some(([, { Properties }]) =>
      refersTo(Properties.DefinitionSubstitutions, name),
    );
    if (isState) continue;
    expect(watchedBy(/^Errors$/, name), name).toBe(true);
    const isWaitedFor = "FunctionUrlConfig" in (template.Resources[name]?.Properties ?? {});
    if (isWaitedFor) expect(watchedBy(/^Throttles$/, name), name).toBe(true);
  }
});

test("an alarm on the pipeline is told of, says what to do, and cannot start the pipeline", () => {
  expect(pipelineAlarms.length).toBeGreaterThanOrEqual(6);
  for (const [name, { Properties }] of pipelineAlarms) {
    expect(Properties.AlarmName["Fn::Sub"], name).toMatch(/^pipeline-\$\{AWS::StackName\}-[a-z-]+$/);
    const actions = [Properties.AlarmActions, Properties.InsufficientDataActions].filter(
      (each) => each !== undefined,
    );
    expect(actions, name).toEqual([[{ Ref: "PipelineTopic" }]]);
    expect(Properties.AlarmDescription, name).toMatch(/.{40,1024}/);
    expect(Properties.TreatMissingData, name).toBeDefined();
    // CloudWatch takes ten in one alarm.
    const metrics = (Properties.Metrics ?? []).filter((metric: object) => !("Expression" in metric));
    expect(metrics.length, name).toBeLessThanOrEqual(10);
  }
  expect(template.Resources.PipelineTopic?.Properties.KmsMasterKeyId["Fn::If"][2]).toEqual({
    Ref: "AWS::NoValue",
  });
});

test("every alarm on a metric of our own names one that is measured, with its dimensions", () => {
  const ours = alarms.filter(([, { Properties }]) => Properties.Namespace === pipelineNamespace);
  expect(ours.length).toBeGreaterThan(0);
  for (const [name, { Properties }] of ours) {
    expect(Object.keys(pipelineMetrics), name).toContain(Properties.MetricName);
    expect(Properties.Dimensions, name).toEqual([{ Name: "service", Value: "nat-medic" }]);
  }
});

test("every metric of our own is measured by some function, and none that is not on the list", () => {
  const functions = join(root, "functions");
  const files = readdirSync(functions, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(".ts"),
  );
  const measured = files.flatMap((name) =>
    [...readFileSync(join(functions, name), "utf8").matchAll(/\bmeasure(?:Time)?\("(\w+)"/g)].map(
      ([, metric]) => metric,
    ),
  );
  expect([...new Set(measured)].toSorted()).toEqual(Object.keys(pipelineMetrics).toSorted());
});
