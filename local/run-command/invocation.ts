import { setTimeout as sleep } from "node:timers/promises";
import type { CommandInvocationStatus } from "@aws-sdk/client-ssm";
import type { HostAnswer, HostCommand, NatHost } from "../host.ts";
import type { Agent } from "./agent.ts";
import { truncateStderr, truncateStdout } from "./output.ts";

/** A managed instance: the host behind it, and how Run Command finds its agent. */
export type ManagedInstance = {
  host: NatHost;
  agent?: Agent;
  /** Of DescribeInstanceInformation; Online when absent. */
  pingStatus?: "Online" | "ConnectionLost" | "Inactive";
  /** Linux when absent. */
  platform?: "Linux" | "Windows";
  /** What becomes of a command whose host answers `unreachable`; `undeliverable` when absent. */
  whenUnreachable?: Unreachable;
};

/**
 * `undeliverable`: SSM knows that it cannot deliver. `delivery-timed-out`: answered at once instead of after TimeoutSeconds,
 * since a drill need not wait for half a minute. `pending`: never taken, never ended. `in-progress`: taken by an agent that then vanished.
 */
export type Unreachable = "undeliverable" | "delivery-timed-out" | "pending" | "in-progress";

/** An invocation as GetCommandInvocation tells it; `details` is its StatusDetails. */
export type Invocation = {
  status: CommandInvocationStatus;
  details: string;
  /** -1 while the script has not ended, and when it never ran. */
  responseCode: number;
  stdout: string;
  stderr: string;
  startedAt: Date | undefined;
  endedAt: Date | undefined;
};

export type RunningCommand = {
  now(): Invocation;
  /** CancelCommand: without effect on what has ended. The host may finish its script; its answer is no longer heard. */
  cancel(): void;
};

/** Starts a command on an instance. */
export const startInvocation = (
  instance: ManagedInstance,
  command: HostCommand,
  pickUpMilliseconds: number,
): RunningCommand => {
  let invocation = PENDING;
  const become = (next: Invocation) => {
    if (invocation.endedAt === undefined) invocation = next;
  };
  const pursue = async () => {
    await sleep(pickUpMilliseconds, undefined, { ref: false });
    const startedAt = new Date();
    // Stays Pending until the host has answered when nothing will ever run there; InProgress otherwise is only a moment early.
    if (instance.pingStatus === undefined || instance.pingStatus === "Online") {
      become({ ...PENDING, status: "InProgress", details: "InProgress", startedAt });
    }
    try {
      become(judge(await instance.host.run(command), instance.whenUnreachable ?? "undeliverable", startedAt));
    } catch (error) {
      const stderr = `The local host failed: ${error instanceof Error ? error.message : String(error)}`;
      become({ ...ended("Failed", "Failed", startedAt), stderr });
    }
  };
  void pursue();
  return {
    now: () => invocation,
    cancel: () => become(ended("Cancelled", "Cancelled", invocation.startedAt)),
  };
};

const judge = (answer: HostAnswer, whenUnreachable: Unreachable, startedAt: Date): Invocation => {
  switch (answer.kind) {
    case "exited":
      return {
        ...ended(...(answer.exitCode === 0 ? SUCCESS : FAILED), startedAt),
        responseCode: answer.exitCode,
        stdout: truncateStdout(answer.stdout),
        stderr: truncateStderr(
          // The agent adds this line itself.
          answer.exitCode === 0
            ? answer.stderr
            : `${answer.stderr}failed to run commands: exit status ${answer.exitCode}`,
        ),
      };
    case "timed-out":
      // Output is lost; 137 is the SIGKILL of the process group.
      return { ...ended("TimedOut", "ExecutionTimedOut", startedAt), responseCode: 137 };
    case "unreachable":
      return unreached(whenUnreachable, startedAt);
    default:
      return answer satisfies never;
  }
};

const unreached = (how: Unreachable, startedAt: Date): Invocation => {
  switch (how) {
    case "undeliverable":
      // CommandInvocationStatus has no Undeliverable: the API says Failed, and only the details tell.
      return ended("Failed", "Undeliverable", undefined);
    case "delivery-timed-out":
      return ended("TimedOut", "DeliveryTimedOut", undefined);
    case "pending":
      return PENDING;
    case "in-progress":
      return { ...PENDING, status: "InProgress", details: "InProgress", startedAt };
    default:
      return how satisfies never;
  }
};

const SUCCESS: [CommandInvocationStatus, string] = ["Success", "Success"];
const FAILED: [CommandInvocationStatus, string] = ["Failed", "Failed"];

const PENDING: Invocation = {
  status: "Pending",
  details: "Pending",
  responseCode: -1,
  stdout: "",
  stderr: "",
  startedAt: undefined,
  endedAt: undefined,
};

const ended = (
  status: CommandInvocationStatus,
  details: string,
  startedAt: Date | undefined,
): Invocation => ({
  ...PENDING,
  status,
  details,
  startedAt,
  endedAt: new Date(),
});
