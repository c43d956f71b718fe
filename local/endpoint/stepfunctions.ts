import { randomUUID } from "node:crypto";
import {
  DescribeExecution$,
  type DescribeExecutionInput,
  type DescribeExecutionOutput,
  DescribeStateMachine$,
  type DescribeStateMachineInput,
  type DescribeStateMachineOutput,
  GetExecutionHistory$,
  type GetExecutionHistoryInput,
  type GetExecutionHistoryOutput,
  ListExecutions$,
  type ListExecutionsInput,
  type ListExecutionsOutput,
  ListStateMachines$,
  type ListStateMachinesInput,
  type ListStateMachinesOutput,
  ListTagsForResource$,
  type ListTagsForResourceInput,
  type ListTagsForResourceOutput,
  StartExecution$,
  type StartExecutionInput,
  type StartExecutionOutput,
  StopExecution$,
  type StopExecutionInput,
  type StopExecutionOutput,
} from "@aws-sdk/client-sfn";
import type { ExecutionEvent } from "../states/events.ts";
import type { Execution } from "../states/execution.ts";
import { dataLimitBytes } from "../states/json.ts";
import { AwsError } from "./aws-error.ts";
import { executionHistory } from "./execution-history.ts";
import { page } from "./page.ts";
import type { Service } from "./service.ts";
import { taskTokenOperations } from "./task-token-operations.ts";

/** A deployed state machine: what Step Functions needs to know of the interpreter. */
export type Machine = {
  arn: string;
  name: string;
  /** JSON text of the definition, substitutions done. */
  definition: string;
  /** `input` is parsed JSON. The execution runs on its own from here. */
  start(name: string, input: unknown): Execution;
  /** All of them, oldest first, also those that were not started through the API. */
  executions(): readonly Execution[];
  tags?: Readonly<Record<string, string>>;
};

/** Step Functions over the given machines. It keeps nothing itself: what it tells of an execution is in its history. */
export const stepfunctions = ({ machines }: { machines: Machine[] }): Service => {
  const createdAt = new Date();
  const machineOf = (arn = ""): Machine => {
    const machine = machines.find((candidate) => candidate.arn === arn);
    if (machine !== undefined) return machine;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  };

  const executionOf = (arn = ""): { machine: Machine; execution: Execution } => {
    for (const machine of machines) {
      const execution = machine.executions().find((candidate) => candidate.arn === arn);
      if (execution !== undefined) return { machine, execution };
    }
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
  };

  const startExecution = async (request: StartExecutionInput): Promise<StartExecutionOutput> => {
    const machine = machineOf(request.stateMachineArn);
    const { name = randomUUID(), input = "{}" } = request;
    if (!EXECUTION_NAME.test(name)) throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
    const parsed = parseInput(input);
    const earlier = machine.executions().find((execution) => execution.name === name);
    // The same request again, as a client retries it, is answered as the first was; but only while it runs.
    if (
      earlier !== undefined &&
      (earlier.status() !== "RUNNING" || inputOf(earlier) !== JSON.stringify(parsed))
    ) {
      throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${earlier.arn}'`);
    }
    const { arn, startedAt } = earlier ?? machine.start(name, parsed);
    return { executionArn: arn, startDate: new Date(startedAt) };
  };

  const describeExecution = async ({
    executionArn,
  }: DescribeExecutionInput): Promise<DescribeExecutionOutput> => {
    const { machine, execution } = executionOf(executionArn);
    const end = endOf(execution);
    return {
      executionArn: execution.arn,
      stateMachineArn: machine.arn,
      name: execution.name,
      status: execution.status(),
      startDate: new Date(execution.startedAt),
      stopDate: stoppedAt(execution),
      input: inputOf(execution),
      inputDetails: { included: true },
      output: end?.output === undefined ? undefined : JSON.stringify(end.output),
      error: end?.error,
      cause: end?.cause,
      redriveCount: 0,
    };
  };

  const stopExecution = async (request: StopExecutionInput): Promise<StopExecutionOutput> => {
    const { execution } = executionOf(request.executionArn);
    execution.stop(request.error, request.cause);
    return { stopDate: new Date((await execution.finished).stoppedAt) };
  };

  const listExecutions = async (request: ListExecutionsInput): Promise<ListExecutionsOutput> => {
    const machine = machineOf(request.stateMachineArn);
    const newestFirst = machine
      .executions()
      .filter((execution) => (request.statusFilter ?? execution.status()) === execution.status())
      .toReversed();
    const { items, nextToken } = page(newestFirst, request, 1000);
    return {
      executions: items.map((execution) => ({
        executionArn: execution.arn,
        stateMachineArn: machine.arn,
        name: execution.name,
        status: execution.status(),
        startDate: new Date(execution.startedAt),
        stopDate: stoppedAt(execution),
      })),
      nextToken,
    };
  };

  const getExecutionHistory = async (
    request: GetExecutionHistoryInput,
  ): Promise<GetExecutionHistoryOutput> => {
    const { machine, execution } = executionOf(request.executionArn);
    const events = executionHistory(execution.history(), machine.definition);
    const { items, nextToken } = page(request.reverseOrder ? events.reverse() : events, request, 1000);
    return { events: items, nextToken };
  };

  const listStateMachines = async (request: ListStateMachinesInput): Promise<ListStateMachinesOutput> => {
    const { items, nextToken } = page(machines, request, 1000);
    return {
      stateMachines: items.map(({ arn, name }) => ({
        stateMachineArn: arn,
        name,
        type: "STANDARD",
        creationDate: createdAt,
      })),
      nextToken,
    };
  };

  const describeStateMachine = async ({
    stateMachineArn,
  }: DescribeStateMachineInput): Promise<DescribeStateMachineOutput> => {
    const { arn, name, definition } = machineOf(stateMachineArn);
    return {
      stateMachineArn: arn,
      name,
      definition,
      status: "ACTIVE",
      type: "STANDARD",
      roleArn: "arn:aws:iam::123456789012:role/local",
      creationDate: createdAt,
    };
  };

  const listTags = async ({ resourceArn }: ListTagsForResourceInput): Promise<ListTagsForResourceOutput> => ({
    tags: Object.entries(machineOf(resourceArn).tags ?? {}).map(([key, value]) => ({ key, value })),
  });

  return {
    name: "states",
    title: "StepFunctions",
    target: "AWSStepFunctions",
    version: "2016-11-23",
    xmlNamespace: "http://swf.amazonaws.com/doc/2015-07-20/",
    operations: [
      { schema: StartExecution$, run: startExecution },
      { schema: DescribeExecution$, run: describeExecution },
      { schema: StopExecution$, run: stopExecution },
      { schema: ListExecutions$, run: listExecutions },
      { schema: GetExecutionHistory$, run: getExecutionHistory },
      { schema: ListStateMachines$, run: listStateMachines },
      { schema: DescribeStateMachine$, run: describeStateMachine },
      { schema: ListTagsForResource$, run: listTags },
      ...taskTokenOperations(() => machines.flatMap((machine) => machine.executions())),
    ],
  };
};

const inputOf = (execution: Execution): string => JSON.stringify(execution.history()[0]?.input ?? {});

const stoppedAt = (execution: Execution): Date | undefined => {
  const end = endOf(execution);
  return end && new Date(end.at);
};

/** The last event of an execution that has ended; it carries output, error and cause. */
const endOf = (execution: Execution): ExecutionEvent | undefined =>
  execution.status() === "RUNNING" ? undefined : execution.history().at(-1);

/** API reference of StartExecution: 1 to 80 characters, without blanks, brackets, wildcards, special or control characters. */
const EXECUTION_NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

const parseInput = (input: string): unknown => {
  if (Buffer.byteLength(input) > dataLimitBytes) {
    throw new AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'too large'");
  }
  try {
    return JSON.parse(input);
  } catch {
    throw new AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'not JSON'");
  }
};
