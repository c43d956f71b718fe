import * as z from "zod/mini";
import { mailText } from "../plain-text.ts";

const FunctionError = z.object({ errorMessage: z.string() });

/** A failure's cause for people: of a Lambda function's error (JSON with a stack trace) only the message. */
export function plainCause(cause: string): string {
  try {
    const parsed = z.safeParse(FunctionError, JSON.parse(cause));
    if (parsed.success) return mailText(parsed.data.errorMessage, 400);
  } catch {
    // Not JSON: it is the message itself.
  }
  return mailText(cause, 400);
}
