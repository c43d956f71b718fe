import { dirname } from "node:path";
import { Worker } from "node:worker_threads";
import { compileCache } from "../../build/layout.ts";
import type { CarriedOut } from "../endpoint/wire.ts";
import { environmentPool } from "./environment-pool.ts";
import { functionArn, functionEnvironment } from "./function-environment.ts";
import { FunctionError } from "./function-error.ts";
import { invokeInThread } from "./invoke-in-thread.ts";
import { setClock, sharedClock } from "./shifted-date.ts";

export type Functions = {
  /**
   * Resolves to what the handler returned, after a round trip through JSON.
   * @param begins is given, before anything is waited for, what resolves when an environment takes the event
   * @throws FunctionError for what the handler threw, for a timeout or crash, and for a function that is not there
   */
  invoke(functionName: string, payload: unknown, begins?: (turn: Promise<unknown>) => void): Promise<unknown>;
  /**
   * Tells that an operation which a function asked for was carried out; `caller` says which one asked.
   * What `kill` wants ended has ended when this resolves.
   */
  carriedOut(call: CarriedOut): Promise<void>;
  /** Ends the threads, which otherwise keep the process alive. */
  stop(): Promise<void>;
};

/**
 * Asked after each operation that an invocation had carried out, before the answer to it; `n` counts them from 1.
 * True ends the environment there and then: the effect is done, and the function never learns of it.
 */
export type Kill = (invocation: {
  functionName: string;
  payload: unknown;
  service: string;
  operation: string;
  input: object;
  n: number;
}) => boolean;

/**
 * Runs built bundles in this process, one thread per execution environment: as in Lambda each has its own `process.env`
 * and output, handles one event at a time, is loaded at its first event and kept for the next.
 *
 * @param bundles file of each function, ESM or CJS, that exports `handler`
 * @param environment added to what Lambda itself sets
 * @param timeoutSeconds after which the thread is ended and the invocation fails with Sandbox.Timedout
 * @param concurrency environments per function; more events than that wait for their turn
 * @param now the functions' clock, in milliseconds since the epoch; asked at the beginning of each invocation
 * @param pace how many times as fast the functions' own waits pass, and their clock while they run
 * @param onLog takes what the functions write; by default it is dropped
 */
export const inProcess = ({
  bundles,
  environment,
  region = "us-east-1",
  timeoutSeconds = 60,
  concurrency = 4,
  now = () => Date.now(),
  pace = 1,
  kill = () => false,
  onLog = () => {},
}: {
  bundles: Record<string, string>;
  environment: Record<string, string>;
  region?: string;
  timeoutSeconds?: number;
  concurrency?: number;
  now?(): number;
  pace?: number;
  kill?: Kill;
  onLog?(functionName: string, text: string): void;
}): Functions => {
  let started = 0;
  const environments = new Map<string, Environment>();
  const pools = new Map(
    Object.entries(bundles).map(([functionName, bundle]) => {
      const start = (): Environment => {
        started += 1;
        // By it the endpoint can tell whose request it has before it.
        const accessKeyId = `LOCAL${String(started).padStart(11, "0")}`;
        const clock = sharedClock(pace);
        const worker = new Worker(new URL("./execution-environment.ts", import.meta.url), {
          workerData: { bundle, clock },
          env: {
            ...functionEnvironment(functionName, dirname(bundle), region, accessKeyId),
            ...environment,
            // Most of a thread's start is compiling, and there are hundreds of threads.
            NODE_COMPILE_CACHE: compileCache,
          },
          stdout: true,
          stderr: true,
          execArgv: [],
        });
        worker.stdout.setEncoding("utf8").on("data", (text: string) => onLog(functionName, text));
        worker.stderr.setEncoding("utf8").on("data", (text: string) => onLog(functionName, text));
        // An error between two events (from a promise left floating) must not end this process.
        worker.on("error", () => {});
        const fresh = { worker, clock, accessKeyId, functionName, payload: null, operations: 0 };
        environments.set(accessKeyId, fresh);
        worker.once("exit", () => environments.delete(accessKeyId));
        return fresh;
      };
      return [functionName, environmentPool(start, concurrency)];
    }),
  );

  return {
    invoke: async (functionName, payload, begins = () => {}) => {
      const pool = pools.get(functionName);
      if (pool === undefined) throw functionNotFound(functionArn(functionName, region));
      const turn = pool.take();
      begins(turn);
      const taken = await turn;
      Object.assign(taken, { payload, operations: 0 });
      const startedAt = now();
      setClock(taken.clock, startedAt);
      const result = await invokeInThread(taken.worker, {
        event: JSON.stringify(payload ?? null),
        functionArn: functionArn(functionName, region),
        timeoutSeconds,
        deadline: startedAt + timeoutSeconds * 1000,
      });
      // After a timeout or a crash Lambda starts afresh; after an ordinary error it keeps the environment.
      await pool.giveBack(taken, result.kind !== "lost");
      if (result.kind === "returned") return JSON.parse(result.json);
      throw new FunctionError(result.error);
    },
    carriedOut: async ({ service, operation, input, caller }) => {
      const asking = environments.get(caller?.accessKeyId ?? "");
      if (asking === undefined) return;
      asking.operations += 1;
      const { functionName, payload, operations: n, worker } = asking;
      if (kill({ functionName, payload, service, operation, input, n })) await worker.terminate();
    },
    stop: async () => {
      await Promise.all([...pools.values()].map((pool) => pool.stop()));
    },
  };
};

/** One thread, and what it is at. */
type Environment = {
  worker: Worker;
  clock: Float64Array;
  accessKeyId: string;
  functionName: string;
  payload: unknown;
  /** Carried out since the present invocation began. */
  operations: number;
};

/** The name under which Step Functions reports it. */
const functionNotFound = (arn: string): FunctionError =>
  new FunctionError({
    errorType: "Lambda.ResourceNotFoundException",
    errorMessage: `Function not found: ${arn}`,
    trace: [],
  });
