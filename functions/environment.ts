/** The one reader of the environment. Read when asked, so that each function needs only what it uses. */
import * as z from "zod/mini";
import { Mode } from "../core/mode.ts";

export const environment = {
  mode: () => read("NAT_MEDIC_MODE", Mode),
  topicArn: () => read("NAT_MEDIC_TOPIC_ARN", z.string().check(z.regex(/^arn:/))),
  /** Seconds that a request for a decision stays open. */
  approvalSeconds: () => read("NAT_MEDIC_APPROVAL_SECONDS", z.coerce.number().check(z.gte(1))),
};

/** Throws when the variable is missing or malformed: the state machine reports it like any failure. */
function read<Schema extends z.ZodMiniType>(name: string, schema: Schema): z.infer<Schema> {
  const parsed = z.safeParse(schema, process.env[name]);
  if (!parsed.success) throw new Error(`the environment variable ${name} is missing or malformed`);
  return parsed.data;
}
