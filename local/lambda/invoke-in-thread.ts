import { randomUUID } from "node:crypto";
import type { Worker } from "node:worker_threads";
import * as z from "zod/mini";
import { exited, FunctionErrorPayload, timedOut } from "./function-error.ts";

/** What `execution-environment.ts` is asked. */
export type ThreadRequest = {
  /** JSON text, so that nothing crosses that Lambda would not carry. */
  event: string;
  requestId: string;
  functionArn: string;
  /** Milliseconds since the epoch, by the function's clock. */
  deadline: number;
};

/** What it answers. */
export type ThreadReply = z.infer<typeof ThreadReply>;
export const ThreadReply = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("returned"), json: z.string() }),
  z.object({ kind: z.literal("failed"), error: FunctionErrorPayload }),
]);

/** `lost`: the thread did not answer, and is of no more use. */
export type ThreadResult = ThreadReply | { kind: "lost"; error: FunctionErrorPayload };

export const invokeInThread = (
  worker: Worker,
  {
    event,
    functionArn,
    timeoutSeconds,
    deadline,
  }: { event: string; functionArn: string; timeoutSeconds: number; deadline: number },
): Promise<ThreadResult> =>
  new Promise((resolve) => {
    const requestId = randomUUID();
    const lost = (error: FunctionErrorPayload) => settle({ kind: "lost", error });
    const onMessage = (message: unknown) => settle(ThreadReply.parse(message));
    const onError = (error: unknown) => lost(exited(requestId, String(error)));
    const onExit = (code: number) => lost(exited(requestId, `exit status ${code}`));
    const timer = setTimeout(() => lost(timedOut(requestId, timeoutSeconds)), timeoutSeconds * 1000);
    const settle = (result: ThreadResult) => {
      clearTimeout(timer);
      worker.off("message", onMessage).off("error", onError).off("exit", onExit);
      resolve(result);
    };
    worker.on("message", onMessage).on("error", onError).on("exit", onExit);
    worker.postMessage({
      event,
      requestId,
      functionArn,
      deadline,
    } satisfies ThreadRequest);
  });
