import {
  CancelCommandCommand,
  DescribeInstanceInformationCommand,
  DuplicateInstanceId,
  GetCommandInvocationCommand,
  InvalidCommandId,
  InvalidDocument,
  InvalidInstanceId,
  InvalidParameters,
  InvalidPluginName,
  InvocationDoesNotExist,
  SendCommandCommand,
  type SendCommandCommandInput,
  SSMClient,
  waitUntilCommandExecuted,
} from "@aws-sdk/client-ssm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ssm } from "../../../local/endpoint/ssm.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import type { HostAnswer, NatHost } from "../../../local/host.ts";
import { document } from "../run-command/documents.ts";
import { shellHost } from "../run-command/shell-host.ts";
import { clientOptions } from "./clients.ts";

const answering = (answer: HostAnswer | (() => Promise<HostAnswer>)): NatHost => ({
  description: "a host of this test",
  run: async () => (typeof answer === "function" ? answer() : answer),
  stop: async () => {},
});
const unreachable = answering({ kind: "unreachable" });
const shell = shellHost();
const never = answering(() => new Promise(() => {}));

const id = (n: number) => `i-0000000000000000${n}`;
const [HOST, OLD, TIMED_OUT, UNDELIVERABLE, UNDELIVERED, SILENT, VANISHED, BROKEN, SLOW] = [
  1, 2, 3, 4, 5, 6, 7, 8, 9,
].map(id) as [string, string, string, string, string, string, string, string, string];

const WINDOWS = "i-0000000000000000a";

let endpoint: Endpoint;
let client: SSMClient;
beforeAll(async () => {
  endpoint = await startEndpoint({
    services: [
      ssm({
        documents: {
          Echo: document('printf "out:%s" "$SSM_Value"; printf "err" >&2; exit "$SSM_Code"', {
            Value: { type: "String", allowedPattern: "^[0-9]{1,7}$", interpolationType: "ENV_VAR" },
            Code: { type: "String", allowedPattern: "^[0-9]$", default: "0", interpolationType: "ENV_VAR" },
          }),
          Pasted: document("printf '%s' '{{ Value }}'", {
            Value: { type: "String", allowedPattern: "^[0-9]{1,7}$", interpolationType: "ENV_VAR" },
          }),
          ForWindows: {
            schemaVersion: "2.2",
            mainSteps: [
              {
                action: "aws:runPowerShellScript",
                name: "ask",
                inputs: { runCommand: ["Get-NetTCPConnection"] },
              },
            ],
          },
          Long: document("head -c 30000 /dev/zero | tr '\\0' x; head -c 9000 /dev/zero | tr '\\0' y >&2"),
        },
        instances: {
          [HOST]: { host: shell },
          [OLD]: { host: shell, agent: "old" },
          [TIMED_OUT]: { host: answering({ kind: "timed-out" }) },
          [UNDELIVERABLE]: { host: unreachable, pingStatus: "ConnectionLost" },
          [UNDELIVERED]: {
            host: unreachable,
            whenUnreachable: "delivery-timed-out",
            pingStatus: "ConnectionLost",
          },
          [SILENT]: { host: unreachable, whenUnreachable: "pending", pingStatus: "ConnectionLost" },
          [VANISHED]: { host: unreachable, whenUnreachable: "in-progress" },
          [BROKEN]: {
            host: answering(async () => {
              throw new Error("the guest is gone");
            }),
          },
          [SLOW]: { host: never },
          [WINDOWS]: {
            platform: "Windows",
            host: {
              ...unreachable,
              run: async ({ script }) => ({
                kind: "exited",
                exitCode: 0,
                stdout: script,
                stderr: "",
                seconds: 0,
              }),
            },
          },
        },
      }),
    ],
  });
  client = new SSMClient(clientOptions(endpoint.url));
});
afterAll(() => endpoint.close());

const send = (input: Partial<SendCommandCommandInput> = {}) =>
  client.send(
    new SendCommandCommand({
      DocumentName: "Echo",
      InstanceIds: [HOST],
      Parameters: { Value: ["7"] },
      ...input,
    }),
  );

const started = async (input: Partial<SendCommandCommandInput> = {}) => {
  const { Command } = await send(input);
  const target = { CommandId: Command?.CommandId ?? "", InstanceId: input.InstanceIds?.[0] ?? HOST };
  return { Command, get: () => client.send(new GetCommandInvocationCommand(target)), target };
};

/** Waits until the status is another, or for a second. */
const after = async (
  get: () => ReturnType<Awaited<ReturnType<typeof started>>["get"]>,
  ...statuses: string[]
) => {
  for (let n = 0; n < 40; n += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25));
    const invocation = await get().catch(() => undefined);
    if (invocation?.Status !== undefined && !statuses.includes(invocation.Status)) return invocation;
  }
  return get();
};
const ended = (get: Parameters<typeof after>[0]) => after(get, "Pending", "InProgress");

test("the SDK's own waiter sees a command through to its output", async () => {
  const { target, get } = await started({ Comment: "inc-1" });
  const { state } = await waitUntilCommandExecuted(
    { client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 },
    target,
  );
  expect(state).toBe("SUCCESS");
  expect(await get()).toMatchObject({
    Status: "Success",
    StatusDetails: "Success",
    ResponseCode: 0,
    StandardOutputContent: "out:7",
    StandardErrorContent: "err",
    Comment: "inc-1",
    DocumentName: "Echo",
    PluginName: "run",
    ExecutionElapsedTime: expect.stringMatching(/^PT[\d.]+S$/),
  });
});

test("the answer to SendCommand says what was sent and that nothing has happened yet", async () => {
  const { Command } = await send({ TimeoutSeconds: 30 });
  expect(Command).toMatchObject({
    CommandId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    DocumentName: "Echo",
    Parameters: { Value: ["7"] },
    Status: "Pending",
    TargetCount: 1,
    TimeoutSeconds: 30,
  });
  const lifetime = (Command?.ExpiresAfter?.getTime() ?? 0) - (Command?.RequestedDateTime?.getTime() ?? 0);
  expect(lifetime).toBe(30_000);
});

test("right after SendCommand the invocation does not exist yet", async () => {
  const { get } = await started();
  await expect(get()).rejects.toBeInstanceOf(InvocationDoesNotExist);
  expect((await ended(get)).Status).toBe("Success");
});

test("a script that fails keeps its output and its exit code, and the agent adds a line", async () => {
  const { get } = await started({ Parameters: { Value: ["7"], Code: ["3"] } });
  expect(await ended(get)).toMatchObject({
    Status: "Failed",
    StatusDetails: "Failed",
    ResponseCode: 3,
    StandardOutputContent: "out:7",
    StandardErrorContent: "errfailed to run commands: exit status 3",
  });
});

test("long output is cut at 24,000 bytes, and errors at 8,000", async () => {
  const { get } = await started({ DocumentName: "Long", Parameters: {} });
  const { StandardOutputContent = "", StandardErrorContent = "" } = await ended(get);
  expect(StandardOutputContent).toHaveLength(24_000);
  expect(StandardOutputContent).toMatch(/x--output truncated--$/);
  expect(StandardErrorContent).toHaveLength(8_000);
  expect(StandardErrorContent).toMatch(/y--output truncated--$/);
});

test.each([
  ["was killed at its time limit", TIMED_OUT, "TimedOut", "ExecutionTimedOut", 137],
  ["cannot be delivered", UNDELIVERABLE, "Failed", "Undeliverable", -1],
  ["was not taken in time", UNDELIVERED, "TimedOut", "DeliveryTimedOut", -1],
  ["was sent to a local host that broke", BROKEN, "Failed", "Failed", -1],
])("a command that %s has no output", async (_what, instance, Status, StatusDetails, ResponseCode) => {
  const { get } = await started({ InstanceIds: [instance] });
  expect(await ended(get)).toMatchObject({ Status, StatusDetails, ResponseCode, StandardOutputContent: "" });
});

test("the waiter takes an undeliverable command for a failure, and its reason says which", async () => {
  const { target } = await started({ InstanceIds: [UNDELIVERABLE] });
  const waiting = waitUntilCommandExecuted({ client, maxWaitTime: 10, minDelay: 1, maxDelay: 1 }, target);
  await expect(waiting).rejects.toThrow(/"StatusDetails":"Undeliverable"/);
});

test("a host that never answers leaves the command pending, and the waiter gives up", async () => {
  const { target, get } = await started({ InstanceIds: [SILENT] });
  const waiting = waitUntilCommandExecuted({ client, maxWaitTime: 2, minDelay: 1, maxDelay: 1 }, target);
  await expect(waiting).rejects.toMatchObject({ name: "TimeoutError" });
  expect(await get()).toMatchObject({ Status: "Pending", StatusDetails: "Pending", ResponseCode: -1 });
});

test("an agent that vanishes in the middle leaves the command in progress", async () => {
  const { get } = await started({ InstanceIds: [VANISHED] });
  const invocation = await after(get, "Pending");
  expect(invocation).toMatchObject({
    Status: "InProgress",
    StandardOutputContent: "",
    ExecutionEndDateTime: "",
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect((await get()).Status).toBe("InProgress");
});

test("a command can be cancelled once, and what has ended stays as it ended", async () => {
  const slow = await started({ InstanceIds: [SLOW] });
  expect((await after(slow.get, "Pending")).Status).toBe("InProgress");
  await client.send(new CancelCommandCommand({ CommandId: slow.target.CommandId, InstanceIds: [SLOW] }));
  expect(await slow.get()).toMatchObject({
    Status: "Cancelled",
    StatusDetails: "Cancelled",
    ResponseCode: -1,
  });

  const done = await started();
  await ended(done.get);
  await client.send(new CancelCommandCommand({ CommandId: done.target.CommandId }));
  expect((await done.get()).Status).toBe("Success");
});

test("a command that was never sent cannot be cancelled", async () => {
  await expect(
    client.send(new CancelCommandCommand({ CommandId: "00000000-0000-0000-0000-000000000000" })),
  ).rejects.toBeInstanceOf(InvalidCommandId);
});

test("one command on several instances is told apart by instance", async () => {
  const { get, target } = await started({ InstanceIds: [HOST, TIMED_OUT] });
  expect((await ended(get)).Status).toBe("Success");
  const other = () => client.send(new GetCommandInvocationCommand({ ...target, InstanceId: TIMED_OUT }));
  expect((await ended(other)).Status).toBe("TimedOut");
});

test("a step that the document does not have is no plugin", async () => {
  const { target, get } = await started();
  await ended(get);
  await expect(
    client.send(new GetCommandInvocationCommand({ ...target, PluginName: "other" })),
  ).rejects.toBeInstanceOf(InvalidPluginName);
});

test("each agent gets the parameter its own way, and the same value comes out", async () => {
  const current = await started({ InstanceIds: [HOST] });
  expect((await ended(current.get)).StandardOutputContent).toBe("out:7");
  const old = await started({ DocumentName: "Pasted", InstanceIds: [OLD] });
  expect((await ended(old.get)).StandardOutputContent).toBe("7");
});

test.each(["7; reboot", "$(reboot)", "'; reboot; '", "7\n", "{{ Value }}", "", "-7"])(
  "the hostile value %j is refused before any host hears of it",
  async (value) => {
    const before = shell.commands.length;
    await expect(send({ Parameters: { Value: [value] } })).rejects.toBeInstanceOf(InvalidParameters);
    expect(shell.commands).toHaveLength(before);
  },
);

test.each<[string, Partial<SendCommandCommandInput>, new (...args: never[]) => Error]>([
  ["of a document that does not exist", { DocumentName: "AWS-RunShellScript" }, InvalidDocument],
  ["of a document named like a property of every object", { DocumentName: "constructor" }, InvalidDocument],
  ["to an instance that is not managed", { InstanceIds: [HOST, "i-00000000"] }, InvalidInstanceId],
  ["to no instance", { InstanceIds: [] }, InvalidInstanceId],
  ["to one instance twice", { InstanceIds: [HOST, HOST] }, DuplicateInstanceId],
  [
    "with a parameter that is not declared",
    { Parameters: { Value: ["7"], Other: ["x"] } },
    InvalidParameters,
  ],
])("a command %s is refused", async (_what, input, exception) => {
  await expect(send(input)).rejects.toBeInstanceOf(exception);
});

test.each<[string, Partial<SendCommandCommandInput>]>([
  ["a comment of 101 characters", { Comment: "c".repeat(101) }],
  ["less than 30 seconds for delivery", { TimeoutSeconds: 29 }],
  ["more than 30 days for delivery", { TimeoutSeconds: 2_592_001 }],
  ["51 instances", { InstanceIds: Array(51).fill(HOST) }],
])("a command with %s is refused", async (_what, input) => {
  await expect(send(input)).rejects.toMatchObject({ name: "ValidationException" });
});

test("an option that would change what happens is refused by name rather than ignored", async () => {
  await expect(send({ Targets: [{ Key: "tag:a", Values: ["b"] }] })).rejects.toThrow(
    "NotImplementedLocally: SSM.SendCommand: Targets",
  );
});

test("managed instances are described with the state of their agent", async () => {
  const { InstanceInformationList } = await client.send(
    new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [OLD, SILENT] }] }),
  );
  expect(InstanceInformationList).toMatchObject([
    { InstanceId: OLD, PingStatus: "Online", AgentVersion: "3.3.2299.0", PlatformType: "Linux" },
    { InstanceId: SILENT, PingStatus: "ConnectionLost", AgentVersion: "3.3.3572.0" },
  ]);
});

test("a document for Windows reaches a host with Windows; the agent of another skips it without a word", async () => {
  const onWindows = await started({ DocumentName: "ForWindows", Parameters: {}, InstanceIds: [WINDOWS] });
  expect(await ended(onWindows.get)).toMatchObject({
    Status: "Success",
    StandardOutputContent: "Get-NetTCPConnection",
    PluginName: "ask",
  });
  const onLinux = await started({ DocumentName: "ForWindows", Parameters: {}, InstanceIds: [HOST] });
  expect(await ended(onLinux.get)).toMatchObject({ Status: "Success", StandardOutputContent: "" });
  const { InstanceInformationList } = await client.send(
    new DescribeInstanceInformationCommand({ Filters: [{ Key: "InstanceIds", Values: [WINDOWS] }] }),
  );
  expect(InstanceInformationList).toMatchObject([{ PlatformType: "Windows" }]);
});

test("a document that cannot run here is refused when the endpoint is put together", () => {
  expect(() => ssm({ documents: { Old: { schemaVersion: "1.2", mainSteps: [] } }, instances: {} })).toThrow(
    "Old: schema 1.2",
  );
});
