import type { Machine } from "../../../local/endpoint/stepfunctions.ts";
import { realClock } from "../../../local/states/clock.ts";
import { parseDefinition } from "../../../local/states/definition.ts";
import { type Execution, startExecution } from "../../../local/states/execution.ts";
import type { RunTask } from "../../../local/states/task.ts";

/** A machine of the real interpreter that asks a person and fails when told to. */
export const askingMachine = (onToken: (token: string) => void): Machine => {
  const definition = JSON.stringify({
    QueryLanguage: "JSONata",
    StartAt: "Is somebody asked",
    States: {
      "Is somebody asked": {
        Type: "Choice",
        Choices: [{ Condition: "{% $exists($states.input.ask) %}", Next: "Ask" }],
        Default: "Done",
      },
      Ask: {
        Type: "Task",
        Resource: "arn:aws:states:::lambda:invoke.waitForTaskToken",
        Arguments: { FunctionName: "ask", Payload: { token: "{% $states.context.Task.Token %}" } },
        HeartbeatSeconds: 600,
        TimeoutSeconds: 3600,
        Output: { answer: "{% $states.result %}" },
        Next: "Done",
      },
      Done: { Type: "Succeed" },
    },
  });
  const arn = "arn:aws:states:us-east-1:123456789012:stateMachine:asking";
  const tasks: RunTask = async ({ taskToken }) => onToken(taskToken ?? "");
  const executions: Execution[] = [];
  return {
    arn,
    name: "asking",
    definition,
    executions: () => executions,
    start: (name, input) => {
      const execution = startExecution({
        definition: parseDefinition(definition, {}),
        name,
        stateMachineArn: arn,
        executionArn: `arn:aws:states:us-east-1:123456789012:execution:asking:${name}`,
        input,
        tasks,
        clock: realClock,
      });
      executions.push(execution);
      return execution;
    },
  };
};
