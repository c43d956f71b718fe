/** EventBridge's part: executions that ended badly are told to the function that puts things in order. */
import { randomUUID } from "node:crypto";
import { eventBus } from "./event-bus/event-bus.ts";
import type { Clock } from "./states/clock.ts";
import type { Execution, ExecutionResult } from "./states/execution.ts";

export type RescueRule = {
  /** Watches one execution to its end. */
  watch(execution: Execution, input: unknown): void;
  /** Until nothing is under way, retries included. */
  settled(): Promise<void>;
  /** Delivers nothing more; what is under way is waited for, but not tried again. */
  stop(): Promise<void>;
};

/**
 * @param deliveries how often EventBridge delivers each event: it promises at least once. 0: the rule is off
 * @param invoke rejects when the function fails
 */
export function rescueRule({
  deliveries,
  invoke,
  clock,
  stateMachineArn,
  account,
  region,
}: {
  deliveries: number;
  invoke(event: unknown): Promise<unknown>;
  clock: Clock;
  stateMachineArn: string;
  account: string;
  region: string;
}): RescueRule {
  const bus = eventBus({ rules: [], deliver: (_, event) => invoke(event), clock });
  return {
    watch: async (execution, input) => {
      const result = await execution.finished;
      if (result.status === "SUCCEEDED") return;
      const event = statusChange(execution, input, result, { stateMachineArn, account, region });
      for (let n = 0; n < deliveries; n += 1) bus.send("RescueIncidentFunction", event);
    },
    settled: bus.settled,
    stop: bus.stop,
  };
}

/** https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html */
function statusChange(
  { arn, name }: Execution,
  input: unknown,
  { status, startedAt, stoppedAt, error, cause }: ExecutionResult,
  { stateMachineArn, account, region }: { stateMachineArn: string; account: string; region: string },
) {
  return {
    version: "0",
    id: randomUUID(),
    "detail-type": "Step Functions Execution Status Change",
    source: "aws.states",
    account,
    time: new Date(stoppedAt).toISOString().replace(/\.\d+Z$/, "Z"),
    region,
    resources: [arn],
    detail: {
      executionArn: arn,
      stateMachineArn,
      name,
      status,
      startDate: startedAt,
      stopDate: stoppedAt,
      input: JSON.stringify(input),
      output: null,
      inputDetails: { included: true },
      outputDetails: null,
      error: error ?? null,
      cause: cause ?? null,
    },
  };
}
