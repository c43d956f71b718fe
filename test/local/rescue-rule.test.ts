/** What EventBridge and Lambda's asynchronous invocation do with an execution that ended badly. */
import { expect, test } from "vitest";
import { rescueRule } from "../../local/rescue-rule.ts";
import { type VirtualClock, virtualClock } from "../../local/states/clock.ts";
import { parseDefinition } from "../../local/states/definition.ts";
import { startExecution } from "../../local/states/execution.ts";

const arns = {
  stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:m",
  account: "123456789012",
  region: "eu-central-1",
};
const fails = { Type: "Fail", Error: "Broken", Cause: "because" };
const waits = { Type: "Wait", Seconds: 3600, End: true };

const play = (
  state: object,
  { deliveries = 1, refuse = 0 }: { deliveries?: number; refuse?: number } = {},
) => {
  const clock: VirtualClock = virtualClock();
  const events: any[] = [];
  const at: number[] = [];
  const rule = rescueRule({
    deliveries,
    invoke: async (event) => {
      events.push(event);
      at.push((clock.now() - Date.UTC(2026, 0, 1)) / 1000);
      if (events.length <= refuse) throw new Error("the function failed");
    },
    clock,
    ...arns,
  });
  const input = { instanceId: "i-0a1b2c3d4e5f67890" };
  const text = JSON.stringify({ QueryLanguage: "JSONata", StartAt: "Only", States: { Only: state } });
  const execution = startExecution({
    definition: parseDefinition(text, {}),
    name: "one",
    stateMachineArn: arns.stateMachineArn,
    executionArn: "arn:aws:states:eu-central-1:123456789012:execution:m:one",
    input,
    tasks: async () => null,
    clock,
  });
  rule.watch(execution, input);
  return { execution, rule, events, at };
};

test("a failed execution is told in the words of EventBridge", async () => {
  const { execution, rule, events } = play(fails);
  await execution.finished;
  await rule.settled();
  expect(events).toEqual([
    {
      version: "0",
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      "detail-type": "Step Functions Execution Status Change",
      source: "aws.states",
      account: arns.account,
      time: "2026-01-01T00:00:00Z",
      region: arns.region,
      resources: [execution.arn],
      detail: {
        executionArn: execution.arn,
        stateMachineArn: arns.stateMachineArn,
        name: "one",
        status: "FAILED",
        startDate: Date.UTC(2026, 0, 1),
        stopDate: Date.UTC(2026, 0, 1),
        input: '{"instanceId":"i-0a1b2c3d4e5f67890"}',
        output: null,
        inputDetails: { included: true },
        outputDetails: null,
        error: "Broken",
        cause: "because",
      },
    },
  ]);
});

test("so is one that was aborted, and one that succeeds is not", async () => {
  const aborted = play(waits);
  aborted.execution.stop("ByHand", "enough");
  await aborted.execution.finished;
  await aborted.rule.settled();
  expect(aborted.events).toMatchObject([{ detail: { status: "ABORTED", error: "ByHand", cause: "enough" } }]);
  const fine = play({ Type: "Succeed" });
  await fine.execution.finished;
  await fine.rule.settled();
  expect(fine.events).toEqual([]);
});

test("a function that fails is tried again after one minute and after two, and then no more", async () => {
  const { execution, rule, events, at } = play(fails, { refuse: 9 });
  await execution.finished;
  await rule.settled();
  expect(at).toEqual([0, 60, 180]);
  expect(new Set(events.map(({ id }) => id)).size).toBe(1);
});

test("the same event may be delivered twice, or the rule be off", async () => {
  for (const [deliveries, times] of [
    [2, 2],
    [0, 0],
  ] as const) {
    const { execution, rule, events } = play(fails, { deliveries });
    await execution.finished;
    await rule.settled();
    expect(events).toHaveLength(times);
    expect(new Set(events.map(({ id }) => id)).size).toBe(Math.min(times, 1));
  }
});

test("a rule that has stopped tells nothing more, and tries nothing again", async () => {
  const late = play(waits);
  await late.rule.stop();
  late.execution.stop();
  await late.execution.finished;
  await late.rule.settled();
  expect(late.events).toEqual([]);
  const failing = play(fails, { refuse: 9 });
  await failing.execution.finished;
  await failing.rule.stop();
  expect(failing.events).toHaveLength(1);
});
