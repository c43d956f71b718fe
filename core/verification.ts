/** Whether one step helped. */
import type { Verification } from "./cause.ts";
import { causes } from "./causes.ts";
import type { HostReading } from "./evidence.ts";
import type { PlanStep } from "./plan.ts";

/** Better by the signal of the cause that the step serves first, and worse by none of the others it serves. */
export function verify(step: PlanStep, before: HostReading, after: HostReading): Verification {
  if (before.status === "unread" || after.status === "unread") {
    const detail = after.status === "unread" ? after.detail : "it was not read before";
    return { verdict: "unknown", evidence: [{ signal: "the host", observed: detail, expected: "readable" }] };
  }
  const [leading, ...others] = causes
    .filter(({ id }) => step.causes.includes(id))
    .map((cause) => cause.verify(before.evidence, after.evidence));
  if (leading === undefined) return { verdict: "unknown", evidence: [] };
  const worse = others.find(({ verdict }) => verdict === "worse");
  return worse ?? leading;
}
