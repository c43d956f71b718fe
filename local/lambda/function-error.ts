import * as z from "zod/mini";

/** What Lambda answers when a function throws: the runtime client's own format. */
export type FunctionErrorPayload = z.infer<typeof FunctionErrorPayload>;
export const FunctionErrorPayload = z.object({
  // An error may have had its name taken away.
  errorType: z._default(z.string(), "Unhandled"),
  errorMessage: z.string(),
  trace: z._default(z.array(z.string()), []),
});

/**
 * A function that threw, timed out or never loaded. Step Functions names the error after `errorType` and takes the whole
 * payload as the cause; so does whoever reads `name` and `message` here.
 */
export class FunctionError extends Error {
  override readonly name: string;
  readonly payload: FunctionErrorPayload;

  constructor(payload: FunctionErrorPayload) {
    super(JSON.stringify(payload));
    this.name = payload.errorType;
    this.payload = payload;
  }
}

/** Lambda's words for a function killed at its time limit. */
export const timedOut = (requestId: string, seconds: number): FunctionErrorPayload => ({
  errorType: "Sandbox.Timedout",
  errorMessage: `RequestId: ${requestId} Error: Task timed out after ${seconds.toFixed(2)} seconds`,
  trace: [],
});

/** Lambda's words for a function whose process ended in the middle of an invocation. */
export const exited = (requestId: string, why: string): FunctionErrorPayload => ({
  errorType: "Runtime.ExitError",
  errorMessage: `RequestId: ${requestId} Error: Runtime exited with error: ${why}`,
  trace: [],
});
