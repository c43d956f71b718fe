/** What a person was asked, and what came of it. */
import * as z from "zod/mini";
import { FixId } from "./fix.ts";
import { plainLine } from "./plain-text.ts";

/** `nobody`: the time ran out. `withdrawn`: the alarm cleared before anybody decided. */
export const Answer = z.enum(["approve", "reject", "nobody", "withdrawn"]);
export type Answer = z.infer<typeof Answer>;

/** A decision with all that is known of it. `by` and `note` are a person's words: shown as plain text, never trusted. */
export const Decided = z.object({
  decision: Answer,
  by: z._default(z.string(), "somebody with access to the state machine"),
  note: z._default(z.string(), ""),
  /** ISO 8601; empty when not known. */
  at: z._default(z.string(), ""),
});
export type Decided = z.infer<typeof Decided>;

/** One question to people, about all steps of a plan that need an answer. Kept in the incident store. */
export const DecisionRequest = z.object({
  /** SHA-256 of the secret in the link, in hexadecimal; the secret itself is kept nowhere. */
  secretHash: z.string().check(z.regex(/^[0-9a-f]{64}$/)),
  /** What Step Functions waits for. Worth nothing without AWS rights. */
  taskToken: z.string(),
  fixes: z.array(FixId),
  /** ISO 8601. */
  askedAt: z.string(),
  expiresAt: z.string(),
  /** Null while it waits. */
  decided: z.nullable(Decided),
  /** When people had been told; null: not yet, or nobody knows. */
  toldAt: z.nullable(z.string()),
  /** Whether Step Functions took the answer: one that was decided and not delivered is delivered again. */
  delivered: z.boolean(),
});
export type DecisionRequest = z.infer<typeof DecisionRequest>;

export type RequestState = "waiting" | "approved" | "rejected" | "lapsed" | "withdrawn";

/** `now`: ISO 8601. */
export function stateOf({ decided, expiresAt }: DecisionRequest, now: string): RequestState {
  if (decided === null) return Date.parse(now) < Date.parse(expiresAt) ? "waiting" : "lapsed";
  return stateAfter[decided.decision];
}

const stateAfter: Readonly<Record<Answer, RequestState>> = {
  approve: "approved",
  reject: "rejected",
  withdrawn: "withdrawn",
  nobody: "lapsed",
};

/** Where an answer came from, in one plain line of at most 200 characters. */
export function deciderOf({ name, place }: { name: string; place: string }): string {
  const said = plainLine(name, 80);
  return said === "" ? plainLine(place, 120) : `${said}, ${plainLine(place, 110)}`;
}
