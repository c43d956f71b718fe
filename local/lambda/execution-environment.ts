/**
 * The inside of one Lambda execution environment, run in a thread by `in-process.ts`:
 * loads the bundle at the first event, then answers one event after the other as the runtime client would.
 */
import { pathToFileURL } from "node:url";
import { parentPort, workerData } from "node:worker_threads";
import * as z from "zod/mini";
import type { FunctionErrorPayload } from "./function-error.ts";
import { type ThreadReply, ThreadRequest } from "./invoke-in-thread.ts";
import { shiftDate } from "./shifted-date.ts";

const WorkerData = z.object({ bundle: z.string(), clock: z.instanceof(Float64Array) });
const { bundle, clock } = WorkerData.parse(workerData);
shiftDate(clock);

const Handler = z.custom<(event: unknown, context: object) => unknown>(
  (value) => typeof value === "function",
);

const load = async () => {
  const exports: unknown = await import(pathToFileURL(bundle).href);
  // A CJS bundle whose exports Node could not name has them under `default` alone.
  const found = [exports, property(exports, "default")].map((place) => property(place, "handler"));
  const handler = z.safeParse(
    Handler,
    found.find((candidate) => candidate !== undefined),
  );
  if (!handler.success) throw named("Runtime.HandlerNotFound", "handler is undefined or not exported");
  if (handler.data.length >= 3) {
    throw named("Runtime.CallbackHandlerDeprecated", "nodejs24.x does not support callback-based handlers");
  }
  return handler.data;
};

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

parentPort?.on("message", async (message) => {
  parentPort?.postMessage(await answer(ThreadRequest.parse(message)));
});
