/** The state machine: answering a task that waits, and starting an execution. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
  TaskDoesNotExist,
  TaskTimedOut,
} from "@aws-sdk/client-sfn";

const client = new SFNClient({ maxAttempts: 5 });

/**
 * `too-late`: the task waits no more. It was answered before, perhaps by this very call (the SDK repeats one whose
 * answer was lost), or it timed out, or its execution has ended.
 */
export async function answerTask(taskToken: string, output: unknown): Promise<"taken" | "too-late"> {
  try {
    await client.send(new SendTaskSuccessCommand({ taskToken, output: JSON.stringify(output) }));
    return "taken";
  } catch (error) {
    if (error instanceof TaskTimedOut || error instanceof TaskDoesNotExist) return "too-late";
    throw error;
  }
}

/** Once per name, however often it is called: Step Functions remembers names for 90 days. */
export async function startExecution(machineArn: string, name: string, input: unknown): Promise<void> {
  try {
    await client.send(
      new StartExecutionCommand({ stateMachineArn: machineArn, name, input: JSON.stringify(input) }),
    );
  } catch (error) {
    if (!(error instanceof ExecutionAlreadyExists)) throw error;
  }
}

/** `output`: parsed; `undefined` while it runs, and when it failed. */
export async function describeExecution(
  executionArn: string,
): Promise<{ status: string; output: unknown; error: string; cause: string }> {
  const {
    status = "RUNNING",
    output,
    error = "",
    cause = "",
  } = await client.send(new DescribeExecutionCommand({ executionArn }));
  return { status, output: output === undefined ? undefined : JSON.parse(output), error, cause };
}
