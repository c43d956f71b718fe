import { expect, test } from "vitest";
import { virtualClock } from "../../../local/states/clock.ts";
import { parseDefinition } from "../../../local/states/definition.ts";
import { startExecution } from "../../../local/states/execution.ts";
import { TaskError } from "../../../local/states/task.ts";
import { lambda, machine } from "./harness.ts";

test("$states.context tells of the execution, the machine and the state with its retries", async () => {
  let attempts = 0;
  const clock = virtualClock(Date.UTC(2026, 4, 1));
  const execution = startExecution({
    definition: parseDefinition(
      machine({
        Pause: { Type: "Wait", Seconds: 60, Next: "Ask" },
        Ask: {
          Type: "Task",
          Resource: lambda,
          Arguments: "{% $states.context %}",
          Retry: [{ ErrorEquals: ["Once"], IntervalSeconds: 2 }],
          End: true,
        },
      }),
      {},
    ),
    name: "incident-1",
    stateMachineArn: "arn:aws:states:eu-central-1:123456789012:stateMachine:Remediate",
    executionArn: "arn:aws:states:eu-central-1:123456789012:execution:Remediate:incident-1",
    roleArn: "arn:aws:iam::123456789012:role/Remediate",
    input: { a: 1 },
    clock,
    tasks: async (call) => {
      attempts += 1;
      if (attempts === 1) throw new TaskError("Once");
      return call.arguments;
    },
  });
  expect((await execution.finished).output).toEqual({
    Execution: {
      Id: "arn:aws:states:eu-central-1:123456789012:execution:Remediate:incident-1",
      Name: "incident-1",
      StartTime: "2026-05-01T00:00:00.000Z",
      Input: { a: 1 },
      RoleArn: "arn:aws:iam::123456789012:role/Remediate",
      RedriveCount: 0,
    },
    StateMachine: {
      Id: "arn:aws:states:eu-central-1:123456789012:stateMachine:Remediate",
      Name: "Remediate",
    },
    State: { Name: "Ask", EnteredTime: "2026-05-01T00:01:00.000Z", RetryCount: 1 },
  });
});
