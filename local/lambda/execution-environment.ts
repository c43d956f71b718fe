/**
 * The inside of one Lambda execution environment, run in a thread by `in-process.ts`:
 * loads the bundle at the first event, then answers one event after the other as the runtime client would.
 * What it imports is loaded in every such thread again, so it imports next to nothing.
 */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import type { FunctionErrorPayload } from "./function-error.ts";
import type { ThreadReply, ThreadRequest } from "./invoke-in-thread.ts";
import { shiftDate } from "./shifted-date.ts";

const { bundle, clock }: { bundle: string; clock: Float64Array } = workerData;
shiftDate(clock);

type Handler = (event: unknown, context: object) => unknown;

const load = async () => {
  const exports: unknown = await import(pathToFileURL(bundle).href);
  // A CJS bundle whose exports Node could not name has them under `default` alone.
  const found = [exports, property(exports, "default")].map((place) => property(place, "handler"));
  const handler = found.find((candidate) => candidate !== undefined);
  if (!isHandler(handler)) throw named("Runtime.HandlerNotFound", "handler is undefined or not exported");
  if (handler.length >= 3) {
    throw named("Runtime.CallbackHandlerDeprecated", "nodejs24.x does not support callback-based handlers");
  }
  return handler;
};

const isHandler = (value: unknown): value is Handler => typeof value === "function";

const answer = async (request: ThreadRequest): Promise<ThreadReply> => {
  try {
    handler ??= load();
    const result = await (await handler)(JSON.parse(request.event), contextOf(request));
    return { kind: "returned", json: JSON.stringify(result ?? null) };
  } catch (error) {
    return { kind: "failed", error: formatted(error) };
  }
};

let handler: ReturnType<typeof load> | undefined;

const contextOf = ({ requestId, functionArn, deadline }: ThreadRequest) => ({
  awsRequestId: requestId,
  callbackWaitsForEmptyEventLoop: true,
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: process.env.AWS_LAMBDA_FUNCTION_VERSION,
  invokedFunctionArn: functionArn,
  logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  getRemainingTimeInMillis: () => deadline - Date.now(),
});

/** The runtime client's format; what is thrown need not be an Error. */
const formatted = (error: unknown): FunctionErrorPayload =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: error.stack?.split("\n") ?? [] }
    : { errorType: typeof error, errorMessage: String(error), trace: [] };

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });

const property = (value: unknown, key: string): unknown =>
  (typeof value === "object" || typeof value === "function") && value !== null
    ? Reflect.get(value, key)
    : undefined;

parentPort?.on("message", async (request: ThreadRequest) => {
  parentPort?.postMessage(await answer(request));
});
