/** Run Command: one document on one instance, waited for to its end. */
import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  GetCommandInvocationCommand,
  type GetCommandInvocationCommandOutput,
  InvalidInstanceId,
  InvocationDoesNotExist,
  SendCommandCommand,
  SSMClient,
  waitUntilCommandExecuted,
} from "@aws-sdk/client-ssm";
import type { Command, CommandOutcome } from "../core/command.ts";
import { clientHere } from "./place.ts";

const client = clientHere(SSMClient);

/** Seconds an agent has to take the command: the least that SSM allows, so that nothing starts after we gave up. */
const deliverySeconds = 30;
/** Every document of ours ends within this (its own `timeoutSeconds`, at most). */
const executionSeconds = 120;
/** Delivery, execution, and the time SSM takes to notice either. */
const patienceSeconds = deliverySeconds + executionSeconds + 15;

export async function runDocument(command: Command): Promise<CommandOutcome> {
  const { instanceId, document, parameters, comment } = command;
  let commandId: string;
  try {
    const { Command: sent } = await client().send(
      new SendCommandCommand({
        DocumentName: `NatMedic-${document}`,
        DocumentVersion: "$LATEST",
        InstanceIds: [instanceId],
        Parameters: Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, [value]])),
        Comment: comment.slice(0, 100),
        TimeoutSeconds: deliverySeconds,
      }),
    );
    commandId = sent?.CommandId ?? "";
  } catch (error) {
    // SSM's word for an instance that is stopped, unknown to it, or whose agent never registered.
    if (error instanceof InvalidInstanceId) {
      return { status: "unreachable", detail: "SSM knows no running agent on the instance" };
    }
    throw error;
  }
  const target = { CommandId: commandId, InstanceId: instanceId };
  await waitForEnd(target);
  const invocation = await lastWord(target);
  const outcome = outcomeOf(invocation);
  if (outcome !== undefined) return outcome;
  await client().send(new CancelCommandCommand({ CommandId: commandId, InstanceIds: [instanceId] }));
  const status = invocation?.StatusDetails ?? "no invocation";
  return status === "Pending" || status === "Delayed" || invocation === undefined
    ? { status: "unreachable", detail: `no agent took the command within ${patienceSeconds} s (${status})` }
    : { status: "timed-out", detail: `the command did not end within ${patienceSeconds} s (${status})` };
}

/** SSM's word on the instance's agent; `unregistered` when it knows none. */
export async function pingStatus(instanceId: string): Promise<string> {
  const { InstanceInformationList = [] } = await client().send(
    new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [instanceId] }] }),
  );
  return InstanceInformationList[0]?.PingStatus ?? "unregistered";
}

type Target = { CommandId: string; InstanceId: string };

/** The waiter throws for every end but success, and after `patienceSeconds`: the invocation itself says which. */
async function waitForEnd(target: Target): Promise<void> {
  try {
    await waitUntilCommandExecuted(
      { client: client(), minDelay: 0.5, maxDelay: 1, maxWaitTime: patienceSeconds },
      target,
    );
  } catch (error) {
    const name = error instanceof Error ? error.name : "";
    // A plain Error is the waiter's own word for "ended, but not well"; anything else is not about the command.
    if (name !== "Error" && name !== "TimeoutError") throw error;
  }
}

async function lastWord(target: Target): Promise<GetCommandInvocationCommandOutput | undefined> {
  try {
    return await client().send(new GetCommandInvocationCommand(target));
  } catch (error) {
    if (error instanceof InvocationDoesNotExist) return undefined;
    throw error;
  }
}

/** `undefined` while it has not ended. `StatusDetails` is written with and without blanks, by service and console. */
function outcomeOf(invocation: GetCommandInvocationCommandOutput | undefined): CommandOutcome | undefined {
  const status = (invocation?.StatusDetails ?? "").replaceAll(" ", "");
  switch (status) {
    case "Success":
    case "Failed":
      return {
        status: "finished",
        exitCode: invocation?.ResponseCode ?? -1,
        stdout: invocation?.StandardOutputContent ?? "",
      };
    case "Undeliverable":
    case "DeliveryTimedOut":
      return { status: "unreachable", detail: `no agent took the command (${status})` };
    case "ExecutionTimedOut":
    case "TimedOut":
      return { status: "timed-out", detail: "the command was killed at its time limit" };
    case "Cancelled":
    case "Canceled":
    case "Terminated":
    case "AccessDenied":
    case "InvalidPlatform":
      return { status: "refused", detail: `Run Command ended with ${status}` };
    default:
      return undefined;
  }
}
