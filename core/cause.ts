/** The vocabulary of a diagnosis: what a cause is, and how it is judged. */
import * as z from "zod/mini";
import type { HostEvidence } from "./evidence/host.ts";
import type { Evidence } from "./evidence.ts";
import type { FixId } from "./fix.ts";

/** One id ties a cause's file, page, scenario, metric dimension and notification together. Never renamed. */
export const CauseId = z.enum([
  "conntrack-table-full",
  "conntrack-hash-undersized",
  "conntrack-timeouts-too-long",
  "conntrack-heavy-hitter",
]);
export type CauseId = z.infer<typeof CauseId>;

/** `critical`: connections fail now. `warning`: they will, or this feeds what makes them fail. */
export const Severity = z.enum(["critical", "warning"]);
export type Severity = z.infer<typeof Severity>;

/** One thing that was looked at: what it is called, what was seen, what a healthy host shows. */
export const Observation = z.object({ signal: z.string(), observed: z.string(), expected: z.string() });
export type Observation = z.infer<typeof Observation>;

/** Present, absent, or unknown: what could not be looked at is never called healthy. */
export type Judgement =
  /**
   * `confidence`: 0 to 1, how sure the evidence makes us; each cause's page says where the numbers come from.
   * `title`: instead of the cause's own, where the evidence supports less than that says.
   */
  | { verdict: "present"; confidence: number; severity: Severity; evidence: Observation[]; title?: string }
  | { verdict: "absent"; evidence: Observation[] }
  | { verdict: "unknown"; missing: string };

/** Why a cause that needs the host is unknown without it. */
export const unreadHost = (detail: string) => `the host could not be read: ${detail}`;

/** How a cause's own signal changed between two readings of the host. */
export const Comparison = z.object({
  /** `unknown`: it could not be looked at again, which is not called better. */
  verdict: z.enum(["better", "unchanged", "worse", "unknown"]),
  evidence: z.array(Observation),
});
export type Comparison = z.infer<typeof Comparison>;

export type Cause = {
  id: CauseId;
  /** What is wrong, as a sentence's subject and verb: "The connection tracking table is full". */
  title: string;
  /** What a person behind the NAT notices. */
  symptom: string;
  judge(evidence: Evidence): Judgement;
  /** Fixes to consider, the first to try first. */
  fixes: readonly FixId[];
  /** Did the cause's own signal get better between two readings of the host? */
  verify(before: HostEvidence, after: HostEvidence): Comparison;
};
