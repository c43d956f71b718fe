/**
 * The whole pipeline against what goes wrong: foreign events, hosts that lie, are silent or gone, AWS that fails.
 * Each ends in a clear answer to a person, and in nothing changed that should not be.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type DrillResult, runDrill } from "../../local/drill.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import type { Fault } from "../../local/endpoint/wire.ts";
import type { HostAnswer, HostCommand, NatHost } from "../../local/host.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile } from "../../local/scenario.ts";
import { startLocalStack } from "../../local/stack.ts";
import { recordedStage } from "../../local/stage.ts";

const alarm = JSON.parse(readFileSync("events/alarm-conntrack-utilization.json", "utf8"));
const byHand = { instanceId: "i-0a1b2c3d4e5f67890", mode: "apply" };

/** The recorded full table, with some answers replaced; `commands` says what reached the host. */
function play(
  change: { event?: unknown; answer?: (command: HostCommand) => HostAnswer | undefined; fault?: Fault } = {},
): Promise<DrillResult & { commands: string[] }> {
  const stage = recordedStage(readScenario("conntrack-table-full"));
  const commands: string[] = [];
  const host: NatHost = {
    ...stage.host,
    run: async (command) => {
      commands.push(`${command.document} ${command.parameters.Action ?? ""}`.trim());
      return change.answer?.(command) ?? stage.host.run(command);
    },
  };
  const { event = byHand, fault } = change;
  return runDrill({
    stage: { ...stage, host },
    event,
    mode: "apply",
    person: async () => "nobody",
    ...(fault === undefined ? {} : { fault }),
  }).then((result) => ({ ...result, commands }));
}

const printed = (stdout: string): HostAnswer => ({
  kind: "exited",
  exitCode: 0,
  stdout,
  stderr: "",
  seconds: 1,
});
const collecting = (command: HostCommand) => command.document === "NatMedic-CollectHostEvidence";
const onlyCollected = (commands: string[]) =>
  expect(commands.filter((command) => !command.includes("Collect"))).toEqual([]);
const last = ({ messages }: DrillResult) => messages.at(-1)!;

describe.concurrent("events", () => {
  test("a foreign event starts nothing and disturbs nobody", async () => {
    const result = await play({
      event: { source: "aws.ec2", "detail-type": "EC2 Instance State-change Notification" },
    });
    expect(result).toMatchObject({ outcome: "ignored", messages: [], commands: [] });
  });

  test("an instance ID that is none is refused with a word to the person", async () => {
    const result = await play({ event: { instanceId: "i-0; rm -rf /" } });
    expect(result).toMatchObject({ outcome: "refused", commands: [] });
    expect(last(result).message).toContain("not an EC2 instance ID");
    expect(last(result).message).not.toContain("rm -rf");
  });

  test("an instance that is not ours is refused, and an alarm on it ignored", async () => {
    const stranger = { instanceId: "i-0fffffffffffffff0" };
    const stack = await startLocalStack({ instances: {}, mode: "apply", approvalSeconds: 60 });
    try {
      expect((await stack.start(stranger).finished).output).toMatchObject({ outcome: "refused" });
      expect((await stack.start(alarm).finished).output).toMatchObject({ outcome: "ignored" });
      expect(stack.requests().filter(({ service }) => service === "ssm")).toEqual([]);
    } finally {
      await stack.stop();
    }
  });

  test("an alarm on two instances becomes two incidents", async () => {
    const two = structuredClone(alarm);
    const other = structuredClone(two.detail.configuration.metrics[0]);
    other.metricStat.metric.dimensions.InstanceId = "i-0b1b2c3d4e5f67890";
    two.detail.configuration.metrics.push(other);
    const stage = () => ({ host: recordedStage(readScenario("healthy")).host, type: "t3.micro" as const });
    const stack = await startLocalStack({
      instances: { "i-0a1b2c3d4e5f67890": stage(), "i-0b1b2c3d4e5f67890": stage() },
      mode: "propose",
      approvalSeconds: 60,
    });
    try {
      const parent = await stack.start(two, "two").finished;
      expect(parent.output).toMatchObject({ outcome: "fanned-out" });
      const children = await Promise.all(
        stack
          .executions()
          .slice(1)
          .map(({ finished }) => finished),
      );
      expect(children.map(({ output }) => output)).toEqual([
        expect.objectContaining({
          outcome: "healthy",
          incident: expect.objectContaining({ instanceId: "i-0a1b2c3d4e5f67890" }),
        }),
        expect.objectContaining({
          outcome: "healthy",
          incident: expect.objectContaining({ instanceId: "i-0b1b2c3d4e5f67890" }),
        }),
      ]);
    } finally {
      await stack.stop();
    }
  });
});

describe.concurrent("a host that cannot be read is undetermined, told, and left alone", () => {
  const honest = reading().stdout;
  test.each<[string, HostAnswer, RegExp]>([
    ["it is unreachable", { kind: "unreachable" }, /no agent took the command/],
    ["the command is killed at its limit", { kind: "timed-out" }, /time limit/],
    ["it prints nothing", printed(""), /printed nothing/],
    ["it prints something that is not JSON", printed("<script>alert(1)</script>"), /not JSON/],
    ["its output is cut", printed(`{"schema":"${"x".repeat(30_000)}`), /more than 24000 bytes/],
    [
      "it prints markup where a kernel's name belongs",
      printed(honest.replace(/"kernel":"[^"]+"/, '"kernel":"[x](https://evil.example)"')),
      /does not fit its schema at kernel/,
    ],
  ])("%s", async (_, answer, words) => {
    const result = await play({ answer: (command) => (collecting(command) ? answer : undefined) });
    expect(result.outcome).toBe("undetermined");
    expect(last(result).message).toMatch(words);
    expect(last(result).message).not.toMatch(/evil|script>|\p{Cc}(?<!\n)/u);
    onlyCollected(result.commands);
  });
});

describe.concurrent("changes that go wrong", () => {
  const applying = ({ parameters }: HostCommand) => parameters.Action === "apply";
  const undoing = ({ parameters }: HostCommand) => parameters.Action === "undo";
  const change = (status: string, values: object[] = [], reason = "") =>
    printed(
      JSON.stringify({
        schema: "nat-medic/change/1",
        fix: "raise-conntrack-max",
        action: "apply",
        status,
        reason,
        values,
        files: [],
        notes: [],
      }),
    );
  const restored = change("changed", [
    { setting: "net.netfilter.nf_conntrack_max", before: "65536", after: "8192" },
  ]);

  test("what did not help is undone, and the rest is proposed", async () => {
    const before = printed(reading().stdout);
    const result = await play({
      answer: (command) => (collecting(command) ? before : undoing(command) ? restored : undefined),
    });
    expect(result.outcome).toBe("undone");
    expect(result.commands.filter((command) => !command.includes("Collect"))).toEqual([
      "NatMedic-RaiseConntrackMax apply",
      "NatMedic-RaiseConntrackMax undo",
    ]);
    expect(last(result).message).toContain("It did not help");
    expect(last(result).message).toContain("Forget established connections");
  });

  test("a fix that a guard on the host refuses changes nothing and is said so", async () => {
    const result = await play({
      answer: (command) => (applying(command) ? change("refused", [], "not enough memory") : undefined),
    });
    expect(result.outcome).toBe("proposed");
    expect(last(result).message).toContain("not enough memory");
  });

  test("an agent gone in the middle of a fix is followed by an undo, and by the truth when that fails too", async () => {
    const gone = await play({
      answer: (command) =>
        applying(command) ? { kind: "timed-out" } : undoing(command) ? restored : undefined,
    });
    expect(gone.outcome).toBe("undone");
    const silent = await play({
      answer: (command) => (collecting(command) ? undefined : { kind: "timed-out" }),
    });
    expect(silent.outcome).toBe("failed");
    expect(last(silent).message).toContain("cannot tell whether this is in force");
    expect(last(silent).message).toContain("sysctl -w net.netfilter.nf_conntrack_max=8192");
  });

  test("a fix whose report is hostile is treated as untold", async () => {
    const lie = change("changed", [{ setting: "<b>", before: "1", after: "2" }]);
    const result = await play({
      answer: (command) => (applying(command) ? lie : undoing(command) ? restored : undefined),
    });
    expect(result.outcome).toBe("undone");
    expect(last(result).message).not.toContain("<b>");
  });

  test("a fix that cannot be made to last is kept, and the notification says what a reboot does", async () => {
    const result = await play({
      answer: ({ parameters }) =>
        parameters.Action === "persist" ? change("refused", [], "alternat owns the settings") : undefined,
    });
    expect(result.outcome).toBe("fixed");
    expect(last(result).message).toContain("Will be lost at the next reboot: alternat owns the settings");
  });
});

describe.concurrent("AWS that fails", () => {
  const failing =
    (service: string, operation: string, error: AwsError, times = Number.POSITIVE_INFINITY): Fault =>
    (calledService, calledOperation, _, n) =>
      calledService === service && calledOperation === operation && n <= times ? error : undefined;
  const throttled = new AwsError("ThrottlingException", "Rate exceeded");

  test("a throttled call is tried again", async () => {
    const result = await play({ fault: failing("ssm", "SendCommand", throttled, 2) });
    expect(result.outcome).toBe("fixed");
    expect(result.commands.filter((command) => command.endsWith("RaiseConntrackMax apply"))).toHaveLength(1);
  });

  test("denied access to Run Command ends in a notification that names the state", async () => {
    const denied = new AwsError(
      "AccessDeniedException",
      "User is not authorized to perform: ssm:SendCommand",
    );
    const result = await play({ fault: failing("ssm", "SendCommand", denied) });
    expect(result).toMatchObject({ outcome: "failed", execution: { status: "FAILED" } });
    expect(last(result).message).toContain("CollectEvidence");
    expect(last(result).message).toContain("AccessDeniedException");
    expect(last(result).message).toContain("not authorized");
  });

  test("CloudWatch being down costs its part of the evidence and nothing else", async () => {
    const down = new AwsError("InternalServiceFault", "down", { status: 500 });
    const result = await play({ fault: failing("monitoring", "GetMetricData", down) });
    expect(result.outcome).toBe("fixed");
    expect(last(result).message).toContain("Not readable: GetMetricData");
  });

  test("a report that cannot be sent is said plainly by the state machine itself", async () => {
    const result = await play({
      fault: failing("sns", "Publish", new AwsError("AuthorizationErrorException", "no")),
    });
    expect(result.execution).toMatchObject({ status: "FAILED", error: "Unreported" });
    expect(last(result).subject).toBe("NAT Medic failed and needs you");
    expect(last(result).message).toContain("i-0a1b2c3d4e5f67890");
  });
});

/** What the full host of the recording answered when it was first read. */
function reading() {
  const { answers } = readRecording(recordingFile(readScenario("conntrack-table-full")));
  return answers.find(({ document }) => document === "NatMedic-CollectHostEvidence")!;
}
