/** The state machine: answering a task that waits, and starting an execution. */
import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ListExecutionsCommand,
  ListTagsForResourceCommand,
  paginateListStateMachines,
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

/** ARNs of those that began since then, the newest first and at most 100. */
export async function executionsSince(machineArn: string, since: Date): Promise<string[]> {
  const { executions = [] } = await client.send(
    new ListExecutionsCommand({ stateMachineArn: machineArn, maxResults: 100 }),
  );
  return executions.flatMap(({ executionArn, startDate }) =>
    executionArn === undefined || startDate === undefined || startDate < since ? [] : [executionArn],
  );
}

export async function tagsOfMachine(machineArn: string): Promise<Record<string, string>> {
  const { tags = [] } = await client.send(new ListTagsForResourceCommand({ resourceArn: machineArn }));
  return Object.fromEntries(tags.map(({ key = "", value = "" }) => [key, value]));
}

/** The ARN of the state machine of that name; `undefined` when there is none in this account and Region. */
export async function machineNamed(name: string): Promise<string | undefined> {
  for await (const { stateMachines = [] } of paginateListStateMachines({ client, pageSize: 1000 }, {})) {
    const found = stateMachines.find((machine) => machine.name === name);
    if (found !== undefined) return found.stateMachineArn;
  }
  return undefined;
}

/** `input` and `output`: parsed; no output while it runs, and when it failed. */
export async function describeExecution(
  executionArn: string,
): Promise<{ status: string; input: unknown; output: unknown; error: string; cause: string }> {
  const {
    status = "RUNNING",
    input,
    output,
    error = "",
    cause = "",
  } = await client.send(new DescribeExecutionCommand({ executionArn }));
  return { status, input: parsed(input), output: parsed(output), error, cause };
}

const parsed = (json: string | undefined): unknown => (json === undefined ? undefined : JSON.parse(json));
