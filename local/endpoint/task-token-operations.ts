import {
  SendTaskFailure$,
  type SendTaskFailureInput,
  SendTaskHeartbeat$,
  type SendTaskHeartbeatInput,
  SendTaskSuccess$,
  type SendTaskSuccessInput,
} from "@aws-sdk/client-sfn";
import type { Execution } from "../states/execution.ts";
import { dataLimitBytes } from "../states/json.ts";
import type { TokenAnswer } from "../states/task-tokens.ts";
import { AwsError } from "./aws-error.ts";
import type { Operation } from "./service.ts";

/** SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat: a token does not say whose it is, so each execution is asked. */
export const taskTokenOperations = (executions: () => Execution[]): Operation[] => {
  const tell = (
    taskToken: string | undefined,
    report: (execution: Execution, token: string) => TokenAnswer,
  ) => {
    if (taskToken === undefined || !TASK_TOKEN.test(taskToken)) {
      throw new AwsError("InvalidToken", "Invalid Token: 'Invalid token'");
    }
    for (const execution of executions()) {
      const answer = report(execution, taskToken);
      if (answer === "accepted") return {};
      if (answer === "task-timed-out") {
        throw new AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'");
      }
    }
    throw new AwsError("TaskDoesNotExist", "Task Does Not Exist: 'Provided task does not exist'");
  };

  const sendTaskSuccess = async ({ taskToken, output = "" }: SendTaskSuccessInput): Promise<object> => {
    const parsed = parseOutput(output);
    return tell(taskToken, (execution, token) => execution.taskSucceeded(token, parsed));
  };
  const sendTaskFailure = async ({
    taskToken,
    error = "",
    cause = "",
  }: SendTaskFailureInput): Promise<object> =>
    tell(taskToken, (execution, token) => execution.taskFailed(token, error, cause));
  const sendTaskHeartbeat = async ({ taskToken }: SendTaskHeartbeatInput): Promise<object> =>
    tell(taskToken, (execution, token) => execution.taskHeartbeat(token));

  return [
    { schema: SendTaskSuccess$, run: sendTaskSuccess },
    { schema: SendTaskFailure$, run: sendTaskFailure },
    { schema: SendTaskHeartbeat$, run: sendTaskHeartbeat },
  ];
};

/** The interpreter's tokens are UUIDs; what is none was cut or altered on its way. */
const TASK_TOKEN = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const parseOutput = (output: string): unknown => {
  if (Buffer.byteLength(output) > dataLimitBytes)
    throw new AwsError("InvalidOutput", "Invalid Output: 'too large'");
  try {
    return JSON.parse(output);
  } catch {
    throw new AwsError("InvalidOutput", "Invalid Output: 'not JSON'");
  }
};
