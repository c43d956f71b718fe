/** Which alarms a composite alarm's state comes from. */
import * as z from "zod/mini";
import type { Watched } from "./questions.ts";

const ReasonData = z.object({
  triggeringAlarms: z.array(
    z.object({
      arn: z.string(),
      state: z._default(z.object({ value: z._default(z.string(), "") }), { value: "" }),
    }),
  ),
});

/**
 * By CloudWatch's own reason (`reasonData`, JSON in a text): those in ALARM, or all when none is, as after it cleared.
 * Where it gives none, every alarm of the rule.
 */
export function childrenOf({ rule, reasonData }: NonNullable<Watched["composite"]>): string[] {
  const parsed = z.safeParse(ReasonData, parsedJson(reasonData));
  const triggering = parsed.success ? parsed.data.triggeringAlarms : [];
  const inAlarm = triggering.filter(({ state }) => state.value === "ALARM");
  const named = (inAlarm.length > 0 ? inAlarm : triggering).map(({ arn }) => nameOf(arn));
  return [...new Set(named.length > 0 ? named : namesIn(rule))];
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** `ALARM(name) OR (ALARM("a name") AND NOT OK(arn:...))`. */
function namesIn(rule: string): string[] {
  const functions = rule.matchAll(/\b(?:ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*(?:"([^"]+)"|([^")]+?))\s*\)/g);
  return [...functions].map(([, quoted, bare]) => nameOf(quoted ?? bare ?? ""));
}

/** A name may have colons itself. */
function nameOf(arnOrName: string): string {
  return arnOrName.replace(/^arn:[^:]*:cloudwatch:[^:]*:\d*:alarm:/, "");
}
