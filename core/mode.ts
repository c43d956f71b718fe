/** What a mode allows, for each risk: this table decides, nothing else does. */
import * as z from "zod/mini";
import type { Risk } from "./fix.ts";

/** Strictest first. */
export const Mode = z.enum(["propose", "approve", "apply"]);
export type Mode = z.infer<typeof Mode>;

/** `apply`: at once. `ask`: a person decides. `propose`: only written down. */
export const Decision = z.enum(["apply", "ask", "propose"]);
export type Decision = z.infer<typeof Decision>;

export const decisionFor: Readonly<Record<Mode, Readonly<Record<Risk, Decision>>>> = {
  propose: { low: "propose", medium: "propose", high: "propose" },
  approve: { low: "ask", medium: "ask", high: "propose" },
  apply: { low: "apply", medium: "ask", high: "propose" },
};

/** The stricter of two modes wins. */
export function stricter(a: Mode, b: Mode): Mode {
  const order = Mode.options;
  return order.indexOf(a) <= order.indexOf(b) ? a : b;
}
