import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { environmentPool } from "./environment-pool.ts";
import { functionArn, functionEnvironment } from "./function-environment.ts";
import { FunctionError } from "./function-error.ts";
import { invokeInThread } from "./invoke-in-thread.ts";

export type Functions = {
  /**
   * Resolves to what the handler returned, after a round trip through JSON.
   * @throws FunctionError for what the handler threw, for a timeout or crash, and for a function that is not there
   */
  invoke(functionName: string, payload: unknown): Promise<unknown>;
  /** Ends the threads, which otherwise keep the process alive. */
  stop(): Promise<void>;
};

/**
 * Runs built bundles in this process, one thread per execution environment: as in Lambda each has its own `process.env`
 * and output, handles one event at a time, is loaded at its first event and kept for the next.
 *
 * @param bundles file of each function, ESM or CJS, that exports `handler`
 * @param environment added to what Lambda itself sets
 * @param timeoutSeconds after which the thread is ended and the invocation fails with Sandbox.Timedout
 * @param concurrency environments per function; more events than that wait for their turn
 * @param onLog takes what the functions write; by default it is dropped
 */
export const inProcess = ({
  bundles,
  environment,
  region = "us-east-1",
  timeoutSeconds = 60,
  concurrency = 4,
  onLog = () => {},
}: {
  bundles: Record<string, string>;
  environment: Record<string, string>;
  region?: string;
  timeoutSeconds?: number;
  concurrency?: number;
  onLog?(functionName: string, text: string): void;
}): Functions => {
  const pools = new Map(
    Object.entries(bundles).map(([functionName, bundle]) => {
      const start = () => {
        const worker = new Worker(new URL("./execution-environment.ts", import.meta.url), {
          workerData: { bundle },
          env: { ...functionEnvironment(functionName, dirname(bundle), region), ...environment },
          stdout: true,
          stderr: true,
          execArgv: [],
        });
        worker.stdout.setEncoding("utf8").on("data", (text: string) => onLog(functionName, text));
        worker.stderr.setEncoding("utf8").on("data", (text: string) => onLog(functionName, text));
        // An error between two events (from a promise left floating) must not end this process.
        return worker.on("error", () => {});
      };
      return [functionName, environmentPool(start, concurrency)];
    }),
  );

  return {
    invoke: async (functionName, payload) => {
      const pool = pools.get(functionName);
      if (pool === undefined) throw functionNotFound(functionArn(functionName, region));
      const worker = await pool.take();
      const result = await invokeInThread(worker, {
        event: JSON.stringify(payload ?? null),
        functionArn: functionArn(functionName, region),
        timeoutSeconds,
      });
      // After a timeout or a crash Lambda starts afresh; after an ordinary error it keeps the environment.
      await pool.giveBack(worker, result.kind !== "lost");
      if (result.kind === "returned") return JSON.parse(result.json);
      throw new FunctionError(result.error);
    },
    stop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
};

/** The name under which Step Functions reports it. */
const functionNotFound = (arn: string): FunctionError =>
  new FunctionError({
    errorType: "Lambda.ResourceNotFoundException",
    errorMessage: `Function not found: ${arn}`,
    trace: [],
  });
