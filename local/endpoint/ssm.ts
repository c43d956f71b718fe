import { randomUUID } from "node:crypto";
import {
  CancelCommand$,
  type CancelCommandRequest,
  DescribeInstanceInformation$,
  type DescribeInstanceInformationRequest,
  type DescribeInstanceInformationResult,
  GetCommandInvocation$,
  type GetCommandInvocationRequest,
  type GetCommandInvocationResult,
  SendCommand$,
  type SendCommandRequest,
  type SendCommandResult,
} from "@aws-sdk/client-ssm";
import type { NatHost } from "../host.ts";
import { hostCommand } from "../run-command/agent.ts";
import { type CommandDocument, resolveParameters, shellStep } from "../run-command/document.ts";
import { type ManagedInstance, type RunningCommand, startInvocation } from "../run-command/invocation.ts";
import { AwsError, notImplementedLocally } from "./aws-error.ts";
import type { Service } from "./service.ts";

/**
 * Systems Manager Run Command: documents by name, instances by ID.
 *
 * @param pickUpMilliseconds how long an invocation is Pending before its agent takes it
 * @param visibleAfterMilliseconds how long GetCommandInvocation answers InvocationDoesNotExist after SendCommand,
 *   which AWS does because it is eventually consistent
 */
export const ssm = ({
  documents,
  instances,
  region = "us-east-1",
  pickUpMilliseconds = 50,
  visibleAfterMilliseconds = 100,
}: {
  documents: Record<string, CommandDocument>;
  instances: Record<string, ManagedInstance>;
  region?: string;
  pickUpMilliseconds?: number;
  visibleAfterMilliseconds?: number;
}): Service => {
  // A document that cannot run here is a mistake of whoever starts the endpoint, so it is refused before any request.
  for (const [name, document] of Object.entries(documents)) shellStep(name, document);
  const sent = new Map<string, Sent>();

  const sendCommand = async (request: SendCommandRequest): Promise<SendCommandResult> => {
    refuseUnknownOptions(request);
    const {
      DocumentName = "",
      InstanceIds = [],
      Comment = "",
      TimeoutSeconds = 3600,
      Parameters = {},
    } = request;
    if (Comment.length > 100) throw constraint("comment", "have length less than or equal to 100");
    if (TimeoutSeconds < 30) throw constraint("timeoutSeconds", "have value greater than or equal to 30");
    if (TimeoutSeconds > 2_592_000) {
      throw constraint("timeoutSeconds", "have value less than or equal to 2592000");
    }
    if (InstanceIds.length > 50) throw constraint("instanceIds", "have length less than or equal to 50");
    if (new Set(InstanceIds).size < InstanceIds.length) throw new AwsError("DuplicateInstanceId", "");
    const document = own(documents, DocumentName);
    if (document === undefined) {
      throw new AwsError("InvalidDocument", `Document with name ${DocumentName} does not exist.`);
    }
    const unknown = InstanceIds.filter((id) => own(instances, id) === undefined);
    if (InstanceIds.length === 0 || unknown.length > 0) {
      throw new AwsError(
        "InvalidInstanceId",
        `Instances [[${unknown.join(", ")}]] not in a valid state for account`,
      );
    }
    const parameters = resolveParameters(document, Parameters);
    if (parameters.kind === "refused") throw new AwsError("InvalidParameters", parameters.problem);

    const commandId = randomUUID();
    const requestedAt = new Date();
    for (const instanceId of InstanceIds) {
      const instance = own(instances, instanceId);
      if (instance === undefined) continue;
      const command = hostCommand({
        name: DocumentName,
        document,
        values: parameters.values,
        instanceId,
        region,
        agent: instance.agent ?? "current",
      });
      const { name: plugin, platform } = shellStep(DocumentName, document);
      const isSkipped = platform !== (instance.platform ?? "Linux");
      const running = startInvocation(
        isSkipped ? { ...instance, host: skippingHost } : instance,
        command,
        pickUpMilliseconds,
      );
      sent.set(`${commandId} ${instanceId}`, {
        document: DocumentName,
        plugin,
        comment: Comment,
        requestedAt,
        running,
      });
    }
    return {
      Command: {
        CommandId: commandId,
        DocumentName,
        DocumentVersion: request.DocumentVersion ?? "$DEFAULT",
        Comment,
        ExpiresAfter: new Date(requestedAt.getTime() + TimeoutSeconds * 1000),
        Parameters,
        InstanceIds,
        Targets: [],
        RequestedDateTime: requestedAt,
        Status: "Pending",
        StatusDetails: "Pending",
        TargetCount: InstanceIds.length,
        CompletedCount: 0,
        ErrorCount: 0,
        TimeoutSeconds,
      },
    };
  };

  const getCommandInvocation = async ({
    CommandId,
    InstanceId,
    PluginName,
  }: GetCommandInvocationRequest): Promise<GetCommandInvocationResult> => {
    const found = sent.get(`${CommandId} ${InstanceId}`);
    if (found === undefined || Date.now() - found.requestedAt.getTime() < visibleAfterMilliseconds) {
      throw new AwsError("InvocationDoesNotExist", "");
    }
    if (PluginName !== undefined && PluginName !== found.plugin) {
      throw new AwsError("InvalidPluginName", `Plugin ${PluginName} is not part of the command.`);
    }
    return describeInvocation(found, { CommandId, InstanceId });
  };

  const cancelCommand = async ({ CommandId, InstanceIds = [] }: CancelCommandRequest): Promise<object> => {
    const invocations = [...sent].filter(([key]) => key.startsWith(`${CommandId} `));
    if (invocations.length === 0)
      throw new AwsError("InvalidCommandId", `Command ${CommandId} does not exist.`);
    for (const [key, { running }] of invocations) {
      if (InstanceIds.length === 0 || InstanceIds.some((id) => key === `${CommandId} ${id}`))
        running.cancel();
    }
    return {};
  };

  const describeInstanceInformation = async ({
    Filters = [],
    InstanceInformationFilterList = [],
  }: DescribeInstanceInformationRequest): Promise<DescribeInstanceInformationResult> => {
    const filters = [
      ...Filters.map(({ Key, Values = [] }) => ({ key: Key, values: Values })),
      ...InstanceInformationFilterList.map(({ key, valueSet = [] }) => ({ key, values: valueSet })),
    ];
    const foreign = filters.find(({ key }) => key !== "InstanceIds");
    if (foreign !== undefined) {
      throw notImplementedLocally("SSM", "DescribeInstanceInformation", `filter ${foreign.key}`);
    }
    return {
      InstanceInformationList: Object.entries(instances)
        .filter(([id]) => filters.every(({ values }) => values.includes(id)))
        .map(([id, { agent, pingStatus = "Online", platform = "Linux" }]) => ({
          InstanceId: id,
          PingStatus: pingStatus,
          LastPingDateTime: new Date(),
          AgentVersion: agent === "old" ? "3.3.2299.0" : "3.3.3572.0",
          PlatformType: platform,
          ResourceType: "EC2Instance",
        })),
    };
  };

  return {
    name: "ssm",
    title: "SSM",
    target: "AmazonSSM",
    version: "2014-11-06",
    xmlNamespace: "http://ssm.amazonaws.com/doc/2014-11-06/",
    operations: [
      { schema: SendCommand$, run: sendCommand },
      { schema: GetCommandInvocation$, run: getCommandInvocation },
      { schema: CancelCommand$, run: cancelCommand },
      { schema: DescribeInstanceInformation$, run: describeInstanceInformation },
    ],
  };
};

/** The agent skips a step that is for another platform; the command as a whole then succeeds without output. */
const skippingHost: NatHost = {
  description: "an agent for which the step is not meant",
  run: async () => ({ kind: "exited", exitCode: 0, stdout: "", stderr: "", seconds: 0 }),
  stop: async () => {},
};

type Sent = {
  document: string;
  plugin: string;
  comment: string;
  requestedAt: Date;
  running: RunningCommand;
};

const describeInvocation = (
  { document, plugin, comment, running }: Sent,
  ids: { CommandId: string | undefined; InstanceId: string | undefined },
): GetCommandInvocationResult => {
  const { status, details, responseCode, stdout, stderr, startedAt, endedAt } = running.now();
  return {
    ...ids,
    Comment: comment,
    DocumentName: document,
    DocumentVersion: "$DEFAULT",
    PluginName: plugin,
    ResponseCode: responseCode,
    ExecutionStartDateTime: startedAt?.toISOString() ?? "",
    ExecutionElapsedTime:
      startedAt === undefined || endedAt === undefined
        ? ""
        : `PT${(endedAt.getTime() - startedAt.getTime()) / 1000}S`,
    ExecutionEndDateTime: endedAt?.toISOString() ?? "",
    Status: status,
    StatusDetails: details,
    StandardOutputContent: stdout,
    StandardOutputUrl: "",
    StandardErrorContent: stderr,
    StandardErrorUrl: "",
  };
};

/** Options that would change what happens are refused rather than ignored. */
const refuseUnknownOptions = (request: SendCommandRequest): void => {
  const given: Partial<Record<keyof SendCommandRequest, unknown>> = request;
  const unknown = REFUSED_OPTIONS.find((option) => given[option] !== undefined);
  if (unknown !== undefined) throw notImplementedLocally("SSM", "SendCommand", unknown);
};

const REFUSED_OPTIONS = [
  "Targets",
  "DocumentHash",
  "OutputS3BucketName",
  "CloudWatchOutputConfig",
  "NotificationConfig",
  "AlarmConfiguration",
] satisfies (keyof SendCommandRequest)[];

/** Request values index these records, so `constructor` must not be found. */
const own = <Value>(record: Record<string, Value>, key: string): Value | undefined =>
  Object.hasOwn(record, key) ? record[key] : undefined;

const constraint = (member: string, must: string): AwsError =>
  new AwsError(
    "ValidationException",
    `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must ${must}`,
  );
