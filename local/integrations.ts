/** The service integrations that the definition uses, as Step Functions performs them. */
import * as z from "zod/mini";
import type { Functions } from "./lambda/in-process.ts";
import { type RunTask, TaskError } from "./states/task.ts";

const Invoke = z.object({ FunctionName: z.string(), Payload: z.unknown() });
const Publish = z.object({ TopicArn: z.string(), Subject: z.string(), Message: z.string() });
const Start = z.object({ StateMachineArn: z.string(), Name: z.string(), Input: z.unknown() });
const Started = z.object({ executionArn: z.string() });

export type Integrations = {
  functions: Pick<Functions, "invoke">;
  /** An operation of the local AWS, subject to its faults. */
  ask(service: string, operation: string, input: object): Promise<object>;
};

/** What Step Functions' own fields look like in the result of an invocation. */
const invoked = (Payload: unknown) => ({ ExecutedVersion: "$LATEST", Payload, StatusCode: 200 });

export function integrations({ functions, ask }: Integrations): RunTask {
  return async ({ resource, arguments: given, begins }) => {
    switch (resource.replace(/^arn:[a-z-]+:states:::/, "")) {
      case "lambda:invoke":
      case "lambda:invoke.waitForTaskToken": {
        const { FunctionName, Payload } = z.parse(Invoke, given);
        return invoked(await functions.invoke(FunctionName, Payload, begins));
      }
      case "sns:publish":
        return await named("SNS", () => ask("sns", "Publish", z.parse(Publish, given)));
      case "states:startExecution": {
        const { StateMachineArn: stateMachineArn, Name: name, Input } = z.parse(Start, given);
        const input = JSON.stringify(Input);
        return await named("StepFunctions", async () => {
          const { executionArn } = z.parse(
            Started,
            await ask("states", "StartExecution", { stateMachineArn, name, input }),
          );
          return { ExecutionArn: executionArn };
        });
      }
      default:
        throw new TaskError("States.Runtime", `the integration ${resource} does not exist locally`);
    }
  };
}

/** Optimised integrations report `Service.ErrorName`. */
async function named<T>(service: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new TaskError(`${service}.${error.name}`, error.message);
  }
}
