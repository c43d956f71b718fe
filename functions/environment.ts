/** The one reader of the environment. Read when asked, so that each function needs only what it uses. */
import * as z from "zod/mini";
import { Mode } from "../core/mode.ts";

const arn = z.string().check(z.regex(/^arn:/));
const yesOrNo = z.enum(["yes", "no"]);
const atLeast = (least: number) => z.coerce.number().check(z.gte(least));

export const environment = {
  mode: () => read("NAT_MEDIC_MODE", Mode),
  topics: () => ({ people: read("NAT_MEDIC_TOPIC_ARN", arn), chat: read("NAT_MEDIC_CHAT_TOPIC_ARN", arn) }),
  /** Name of the incident store. */
  table: () => read("NAT_MEDIC_TABLE", z.string().check(z.minLength(3))),
  /** Seconds that a request for a decision stays open. */
  approvalSeconds: () => read("NAT_MEDIC_APPROVAL_SECONDS", atLeast(1)),
  limits: () => ({
    coolDownSeconds: read("NAT_MEDIC_COOL_DOWN_SECONDS", atLeast(0)),
    automaticChangesPerDay: read("NAT_MEDIC_AUTOMATIC_CHANGES", atLeast(0)),
  }),
  /** Where the approval page is served, without a slash at the end. */
  pageUrl: () => read("NAT_MEDIC_PAGE_URL", z.url()).replace(/\/$/, ""),
  stateMachineArn: () => read("NAT_MEDIC_STATE_MACHINE_ARN", arn),
  /** How far the daily look goes. */
  lookAheadDays: () => read("NAT_MEDIC_LOOK_AHEAD_DAYS", atLeast(1)),
  /** The role that this function has in every other account and Region, as `core/place.ts` reads it. */
  spoke: () => ({
    role: read("NAT_MEDIC_SPOKE_ROLE", arn),
    externalId: read("NAT_MEDIC_SPOKE_EXTERNAL_ID", z.string().check(z.minLength(2))),
  }),
  /** With which the names of the stack's alarms begin. */
  alarmPrefix: () => read("NAT_MEDIC_ALARM_PREFIX", z.string().check(z.regex(/^[A-Za-z][A-Za-z0-9-]*-$/))),
  instanceAlarms: () => ({
    silent: read("NAT_MEDIC_SILENT_ALARMS", yesOrNo) === "yes",
    highResolution: read("NAT_MEDIC_HIGH_RESOLUTION_ALARMS", yesOrNo) === "yes",
    agent: read("NAT_MEDIC_AGENT_ALARMS", yesOrNo) === "yes",
    composite: read("NAT_MEDIC_COMPOSITE_ALARMS", yesOrNo) === "yes",
    /** Empty: none. */
    pagingTopic: read("NAT_MEDIC_PAGING_TOPIC_ARN", z.union([z.literal(""), arn])) || null,
    utilizationThreshold: read("NAT_MEDIC_UTILIZATION_THRESHOLD", atLeast(1)),
    lossThreshold: read("NAT_MEDIC_LOSS_THRESHOLD", atLeast(1)),
    allowanceThreshold: read("NAT_MEDIC_ALLOWANCE_THRESHOLD", atLeast(1)),
  }),
};

/** Throws when the variable is missing or malformed: the state machine reports it like any failure. */
function read<Schema extends z.ZodMiniType>(name: string, schema: Schema): z.infer<Schema> {
  const parsed = z.safeParse(schema, process.env[name]);
  if (!parsed.success) throw new Error(`the environment variable ${name} is missing or malformed`);
  return parsed.data;
}
