/** From what a document of ours printed on some host to what it means, or to the reason why it means nothing. */
import * as z from "zod/mini";
import type { CommandOutcome } from "../command.ts";
import { plainLine } from "../plain-text.ts";

type Printed<Value> = { status: "read"; value: Value } | { status: "unread"; detail: string };

/** The agent cuts standard output here (SSM agent, `appconfig/constants.go`). */
const mostBytes = 24_000;

/** One JSON object that fits the schema; of anything else only our own words come through, none of the host's. */
export function printedBy<Schema extends z.ZodMiniType>(
  schema: Schema,
  outcome: CommandOutcome,
): Printed<z.infer<Schema>> {
  if (outcome.status !== "finished") return { status: "unread", detail: outcome.detail };
  const text = outcome.stdout.trim();
  if (text === "") return { status: "unread", detail: "the script printed nothing" };
  if (text.length > mostBytes) return { status: "unread", detail: "the script printed too much" };
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { status: "unread", detail: `the host printed ${text.length} bytes that are not JSON` };
  }
  const parsed = z.safeParse(schema, json);
  if (parsed.success) return { status: "read", value: parsed.data };
  const place = plainLine(parsed.error.issues[0]?.path.join(".") ?? "", 80) || "the top level";
  return { status: "unread", detail: `what the host printed does not fit its schema at ${place}` };
}
