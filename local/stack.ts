/** NAT Medic deployed on the embedded AWS: endpoint, functions, documents, state machine, one host per instance. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Instance } from "@aws-sdk/client-ec2";
import { functionNames } from "../build/bundle.ts";
import { bundleFolder, definitionFile } from "../build/layout.ts";
import type { Mode } from "../core/mode.ts";
import { enrolTag } from "../core/opening.ts";
import { buildDocument, documents } from "../host/documents.ts";
import { cloudwatch } from "./endpoint/cloudwatch.ts";
import { ec2 } from "./endpoint/ec2.ts";
import { lambda } from "./endpoint/lambda.ts";
import type { MetricSeries } from "./endpoint/metric-series.ts";
import { type Publication, sns } from "./endpoint/sns.ts";
import { ssm } from "./endpoint/ssm.ts";
import { stepfunctions } from "./endpoint/stepfunctions.ts";
import { type Fault, startEndpoint } from "./endpoint/wire.ts";
import { integrations } from "./integrations.ts";
import { inProcess } from "./lambda/in-process.ts";
import type { ManagedInstance } from "./run-command/invocation.ts";
import { realClock, type VirtualClock } from "./states/clock.ts";
import { parseDefinition } from "./states/definition.ts";
import type { ExecutionEvent } from "./states/events.ts";
import { type Execution, startExecution } from "./states/execution.ts";

export const account = "123456789012";
export const region = "eu-central-1";
const topicArn = `arn:aws:sns:${region}:${account}:nat-medic`;
const machineName = "nat-medic-remediate";
const machineArn = `arn:aws:states:${region}:${account}:stateMachine:${machineName}`;

export type LocalStackOptions = {
  /** The NAT instances, by instance ID; all of them carry the tag. */
  instances: Readonly<
    Record<string, ManagedInstance & { type: "t3.micro" | "t3.nano"; tags?: Record<string, string> }>
  >;
  mode: Mode;
  approvalSeconds: number;
  /** Skips the time in which everybody waits; by default time is real. */
  clock?: VirtualClock;
  series?: MetricSeries[];
  port?: number;
  fault?: Fault;
  onEvent?(event: ExecutionEvent, execution: string): void;
  onPublish?(publication: Publication): void;
  onLog?(functionName: string, text: string): void;
};

export type LocalStack = {
  /** For `AWS_ENDPOINT_URL` and the AWS CLI's `--endpoint-url`. */
  url: string;
  machineArn: string;
  /** Every operation that was asked of the endpoint. */
  requests: Awaited<ReturnType<typeof startEndpoint>>["requests"];
  start(input: unknown, name?: string): Execution;
  /** Lambda's Invoke: what the function returned, or its error thrown. */
  invoke(functionName: string, payload: unknown): Promise<unknown>;
  /** Executions so far, the fanned-out ones included. */
  executions(): readonly Execution[];
  stop(): Promise<void>;
};

export async function startLocalStack(options: LocalStackOptions): Promise<LocalStack> {
  const {
    instances,
    mode,
    approvalSeconds,
    clock,
    series = [],
    onEvent = () => {},
    onPublish = () => {},
  } = options;
  const topic = sns({ topics: [topicArn], onPublish });
  const definitionText = readFileSync(definitionFile, "utf8");
  const definition = parseDefinition(definitionText, {
    Partition: "aws",
    ApprovalSeconds: String(approvalSeconds),
    TopicArn: topicArn,
    ...Object.fromEntries(functionNames.map((name) => [`${resourceName(name)}Function`, name])),
  });
  const executions: Execution[] = [];
  const start = (input: unknown, name: string = crypto.randomUUID()): Execution => {
    const execution = startExecution({
      definition,
      name,
      stateMachineArn: machineArn,
      executionArn: `arn:aws:states:${region}:${account}:execution:${machineName}:${name}`,
      input,
      clock: clock ?? realClock,
      // Work takes real time, also where waiting does not.
      tasks: (call) => (clock === undefined ? tasks(call) : clock.working(tasks(call))),
      onEvent: (event) => onEvent(event, name),
    });
    executions.push(execution);
    return execution;
  };

  const endpoint = await startEndpoint({
    ...(options.port === undefined ? {} : { port: options.port }),
    ...(options.fault === undefined ? {} : { fault: options.fault }),
    services: [
      topic,
      cloudwatch({ series }),
      ec2({ instances: Object.entries(instances).map(([id, { type, tags }]) => describe(id, type, tags)) }),
      ssm({
        documents: Object.fromEntries(documents.map(({ name }) => [name, buildDocument(name)])),
        instances,
        region,
      }),
      lambda({ invoke: (name, payload) => functions.invoke(name, payload) }),
      stepfunctions({
        machines: [
          {
            arn: machineArn,
            name: machineName,
            definition: definitionText,
            start: (name, input) => start(input, name),
            executions: () => executions,
          },
        ],
      }),
    ],
  });
  const functions = inProcess({
    bundles: Object.fromEntries(functionNames.map((name) => [name, join(bundleFolder(name), "handler.mjs")])),
    environment: {
      AWS_ENDPOINT_URL: endpoint.url,
      NAT_MEDIC_MODE: mode,
      NAT_MEDIC_TOPIC_ARN: topicArn,
      NAT_MEDIC_APPROVAL_SECONDS: String(approvalSeconds),
    },
    region,
    timeoutSeconds: 180,
    ...(options.onLog === undefined ? {} : { onLog: options.onLog }),
  });
  const tasks = integrations({
    functions,
    publish: async ({ TopicArn, Subject, Message }) => {
      onPublish({ topicArn: TopicArn, subject: Subject, message: Message, at: new Date() });
      return {};
    },
    start: async ({ Name, Input }) => ({ ExecutionArn: start(Input, Name).arn }),
  });

  return {
    url: endpoint.url,
    machineArn,
    requests: endpoint.requests,
    start,
    invoke: functions.invoke,
    executions: () => executions,
    stop: async () => {
      for (const execution of executions) execution.stop();
      await functions.stop();
      await endpoint.close();
    },
  };
}

function describe(
  InstanceId: string,
  InstanceType: "t3.micro" | "t3.nano",
  tags: Record<string, string> = {},
): Instance {
  return {
    InstanceId,
    InstanceType,
    State: { Code: 16, Name: "running" },
    SourceDestCheck: false,
    Tags: Object.entries({ [enrolTag.key]: enrolTag.value, ...tags }).map(([Key, Value]) => ({ Key, Value })),
  };
}

/** `open-incident` to `OpenIncident`, its resource in the template. */
function resourceName(folder: string): string {
  return folder.replace(/(^|-)([a-z])/g, (_, __, letter: string) => letter.toUpperCase());
}
