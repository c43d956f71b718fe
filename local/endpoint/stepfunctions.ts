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
  StartExecution$,
  type StartExecutionInput,
  type StartExecutionOutput,
  StopExecution$,
  type StopExecutionInput,
  type StopExecutionOutput,
} from "@aws-sdk/client-sfn";
import type { Execution, ExecutionResult } from "../states/execution.ts";
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
};

/** Step Functions over the given machines. Executions that were not started through this service are not known to it. */
export const stepfunctions = ({ machines }: { machines: Machine[] }): Service => {
  const createdAt = new Date();
  const started = new Map<string, Started>();

  const machineOf = (arn = ""): Machine => {
    const machine = machines.find((candidate) => candidate.arn === arn);
    if (machine !== undefined) return machine;
    throw new AwsError("StateMachineDoesNotExist", `State Machine Does Not Exist: '${arn}'`);
  };

  const executionOf = (arn = ""): Started => {
    const execution = started.get(arn);
    if (execution !== undefined) return execution;
    throw new AwsError("ExecutionDoesNotExist", `Execution Does Not Exist: '${arn}'`);
  };

  const startExecution = async (request: StartExecutionInput): Promise<StartExecutionOutput> => {
    const machine = machineOf(request.stateMachineArn);
    const { name = randomUUID(), input = "{}" } = request;
    if (!EXECUTION_NAME.test(name)) throw new AwsError("InvalidName", `Invalid Name: '${name}'`);
    const parsed = parseInput(input);
    const earlier = [...started.values()].find(
      (one) => one.machine === machine && one.execution.name === name,
    );
    if (earlier !== undefined) {
      // The same request again, as a client retries it, is answered as the first was; but only while it runs.
      if (earlier.input !== input || earlier.result !== undefined) {
        throw new AwsError("ExecutionAlreadyExists", `Execution Already Exists: '${earlier.execution.arn}'`);
      }
      return { executionArn: earlier.execution.arn, startDate: new Date(earlier.execution.startedAt) };
    }
    const execution = machine.start(name, parsed);
    const record: Started = { machine, execution, input, result: undefined };
    started.set(execution.arn, record);
    void execution.finished.then((result) => {
      record.result = result;
    });
    return { executionArn: execution.arn, startDate: new Date(execution.startedAt) };
  };

  const describeExecution = async ({
    executionArn,
  }: DescribeExecutionInput): Promise<DescribeExecutionOutput> => {
    const { machine, execution, input, result } = executionOf(executionArn);
    return {
      executionArn: execution.arn,
      stateMachineArn: machine.arn,
      name: execution.name,
      status: execution.status(),
      startDate: new Date(execution.startedAt),
      stopDate: result === undefined ? undefined : new Date(result.stoppedAt),
      input,
      inputDetails: { included: true },
      output: result?.output === undefined ? undefined : JSON.stringify(result.output),
      error: result?.error,
      cause: result?.cause,
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
    const newestFirst = [...started.values()]
      .filter((one) => one.machine === machine)
      .filter(({ execution }) => (request.statusFilter ?? execution.status()) === execution.status())
      .reverse();
    const { items, nextToken } = page(newestFirst, request, 1000);
    return {
      executions: items.map(({ execution, result }) => ({
        executionArn: execution.arn,
        stateMachineArn: machine.arn,
        name: execution.name,
        status: execution.status(),
        startDate: new Date(execution.startedAt),
        stopDate: result === undefined ? undefined : new Date(result.stoppedAt),
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
      ...taskTokenOperations(() => [...started.values()].map(({ execution }) => execution)),
    ],
  };
};

type Started = { machine: Machine; execution: Execution; input: string; result: ExecutionResult | undefined };

/** API reference of StartExecution: 1 to 80 characters, without blanks, brackets, wildcards, special or control characters. */
const EXECUTION_NAME = /^[^\s<>{}[\]?*"#%\\^|~`$&,;:/\p{Cc}]{1,80}$/u;

const parseInput = (input: string): unknown => {
  try {
    return JSON.parse(input);
  } catch {
    throw new AwsError("InvalidExecutionInput", "Invalid State Machine Execution Input: 'not JSON'");
  }
};
