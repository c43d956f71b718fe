/** Run Command in every way it can end, stubbed at `client.send`, time included: some ends take minutes. */
import {
  CancelCommandCommand,
  GetCommandInvocationCommand,
  InvalidInstanceId,
  InvocationDoesNotExist,
  SendCommandCommand,
  SSMClient,
} from "@aws-sdk/client-ssm";
import { mockClient } from "aws-sdk-client-mock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runDocument } from "../../aws/ssm.ts";

const ssm = mockClient(SSMClient);
const command = {
  instanceId: "i-0a1b2c3d4e5f67890",
  document: "CollectHostEvidence",
  parameters: { SampleSeconds: "5" },
  comment: "x".repeat(150),
} as const;

beforeEach(() => {
  vi.useFakeTimers();
  ssm.reset();
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: "11111111-2222-3333-4444-555555555555" } });
  ssm.on(CancelCommandCommand).resolves({});
});
afterEach(() => {
  vi.useRealTimers();
});

/** Runs it with time flying; how long it took in seconds comes with it. */
async function run() {
  const start = Date.now();
  const running = runDocument(command).then(
    (outcome) => ({ outcome, seconds: (Date.now() - start) / 1000 }),
    (error: Error) => ({ error, seconds: (Date.now() - start) / 1000 }),
  );
  let done = false;
  void running.finally(() => {
    done = true;
  });
  while (!done) await vi.advanceTimersByTimeAsync(250);
  return running;
}
const ends = (StatusDetails: string, Status: string, rest = {}) =>
  ssm.on(GetCommandInvocationCommand).resolves({ StatusDetails, Status: Status as "Success", ...rest });

test("the document is named, the instance is one, the comment fits, and delivery gets the least that SSM allows", async () => {
  ends("Success", "Success", { ResponseCode: 0, StandardOutputContent: "{}" });
  await run();
  expect(ssm.commandCalls(SendCommandCommand)[0]?.args[0].input).toEqual({
    DocumentName: "NatMedic-CollectHostEvidence",
    DocumentVersion: "$LATEST",
    InstanceIds: ["i-0a1b2c3d4e5f67890"],
    Parameters: { SampleSeconds: ["5"] },
    Comment: "x".repeat(100),
    TimeoutSeconds: 30,
  });
});

test.each([
  ["Success", "Success", { status: "finished", exitCode: 0, stdout: "printed" }],
  ["Failed", "Failed", { status: "finished", exitCode: 0, stdout: "printed" }],
  ["Undeliverable", "Failed", { status: "unreachable" }],
  ["Delivery Timed Out", "TimedOut", { status: "unreachable" }],
  ["DeliveryTimedOut", "TimedOut", { status: "unreachable" }],
  ["Execution Timed Out", "TimedOut", { status: "timed-out" }],
  ["ExecutionTimedOut", "TimedOut", { status: "timed-out" }],
  ["Cancelled", "Cancelled", { status: "refused" }],
  ["Terminated", "Failed", { status: "refused" }],
  ["Access Denied", "Failed", { status: "refused" }],
  ["Invalid Platform", "Failed", { status: "refused" }],
])("%s is %j", async (details, status, outcome) => {
  ends(details, status, { ResponseCode: 0, StandardOutputContent: "printed" });
  expect(await run()).toMatchObject({ outcome });
});

test("an invocation that does not exist yet is asked for again", async () => {
  ssm
    .on(GetCommandInvocationCommand)
    .rejectsOnce(new InvocationDoesNotExist({ message: "", $metadata: {} }))
    .resolves({ StatusDetails: "Success", Status: "Success", ResponseCode: 0, StandardOutputContent: "{}" });
  expect(await run()).toMatchObject({ outcome: { status: "finished" } });
});

test.each([
  ["Pending", "Pending", "unreachable"],
  ["Delayed", "Delayed", "unreachable"],
  ["InProgress", "InProgress", "timed-out"],
])(
  "a host that stays %s for ever is given up in bounded time, and the command cancelled",
  async (details, status, outcome) => {
    ends(details, status);
    const result = await run();
    expect(result).toMatchObject({ outcome: { status: outcome } });
    expect(result.seconds).toBeLessThan(180);
    expect(ssm.commandCalls(CancelCommandCommand)).toHaveLength(1);
  },
);

test("an instance that SSM does not know is unreachable", async () => {
  ssm.on(SendCommandCommand).rejects(new InvalidInstanceId({ message: "", $metadata: {} }));
  expect(await run()).toMatchObject({ outcome: { status: "unreachable" } });
});

test("an error of the service is thrown, for the state machine to retry or report", async () => {
  const denied = Object.assign(new Error("no"), { name: "AccessDeniedException" });
  ssm.on(SendCommandCommand).rejects(denied);
  expect(await run()).toMatchObject({ error: denied });
  ssm.on(SendCommandCommand).resolves({ Command: { CommandId: "1" } });
  ssm.on(GetCommandInvocationCommand).rejects(denied);
  expect(await run()).toMatchObject({ error: { name: "AccessDeniedException" } });
});
