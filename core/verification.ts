/** Whether one step helped. */
import * as z from "zod/mini";
import { Comparison } from "./cause.ts";
import { causes } from "./causes.ts";
import type { HostReading } from "./evidence.ts";
import type { PlanStep } from "./plan.ts";

export const Verification = z.object({
  ...Comparison.shape,
  /** Windows in a row in which it was better. */
  quietWindows: z.int(),
});
export type Verification = z.infer<typeof Verification>;

/** A signal that wavers is quiet for one window by chance; two in a row are what the catalogue asks for. */
export const quietWindowsNeeded = 2;

/**
 * Better by the signal of the cause that the step serves first, and worse by none of the others it serves.
 * `before` is the host as it was before the change, `earlier` what the window before this one said.
 */
export function verify(
  step: PlanStep,
  before: HostReading,
  after: HostReading,
  earlier: Verification | null,
): Verification {
  const comparison = compare(step, before, after);
  const quietWindows = comparison.verdict === "better" ? (earlier?.quietWindows ?? 0) + 1 : 0;
  return { ...comparison, quietWindows };
}

function compare(step: PlanStep, before: HostReading, after: HostReading): Comparison {
  if (before.status === "unread" || after.status === "unread") {
    const detail = after.status === "unread" ? after.detail : "it was not read before";
    return { verdict: "unknown", evidence: [{ signal: "the host", observed: detail, expected: "readable" }] };
  }
  const [leading, ...others] = causes
    .filter(({ id }) => step.causes.includes(id))
    .flatMap((cause) => cause.verify?.(before.evidence, after.evidence) ?? []);
  if (leading === undefined) return { verdict: "unknown", evidence: [] };
  const worse = others.find(({ verdict }) => verdict === "worse");
  return worse ?? leading;
}
