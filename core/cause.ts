/** The vocabulary of a diagnosis: what a cause is, and how it is judged. */
import * as z from "zod/mini";
import type { HostEvidence } from "./evidence/host.ts";
import type { Evidence } from "./evidence.ts";
import type { FixId } from "./fix.ts";

/**
 * In the order in which they lead when several hold: what stops everything, what drops now, what feeds it, what will
 * matter at the next boot. One id ties a cause's file, page, scenario, metric dimension and notification together. Never renamed.
 */
export const CauseId = z.enum([
  "host-unreachable",
  "ip-forward-disabled",
  "masquerade-rule-missing",
  "source-dest-check-enabled",
  "public-address-missing",
  "route-missing",
  "security-group-blocks",
  "conntrack-table-full",
  "conntrack-limit-masked",
  "snat-range-too-small",
  "snat-ports-exhausted",
  "conntrack-hash-undersized",
  "snat-port-collisions",
  "ena-conntrack-exceeded",
  "ena-fragments-exceeded",
  "ena-pps-exceeded",
  "ena-bandwidth-exceeded",
  "ena-linklocal-exceeded",
  "neighbour-table-overflow",
  "rp-filter-drops",
  "path-degraded",
  "fragments-dropped",
  "path-mtu-blackhole",
  "network-acl-blocks-ephemeral-ports",
  "source-ports-exhausted",
  "remote-rejects-timestamps",
  "tw-recycle-enabled-here",
  "eni-timeout-mismatch",
  "asymmetric-path",
  "conntrack-timeouts-too-long",
  "conntrack-heavy-hitter",
  "conntrack-churn",
  "container-table-full",
  "conntrack-settings-not-persistent",
  "conntrack-unmonitored",
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
  | {
      verdict: "present";
      confidence: number;
      severity: Severity;
      evidence: Observation[];
      title?: string;
      /** What a person should know or do here that is no fix of ours: one sentence each, with this case's numbers. */
      advice?: string[];
    }
  | { verdict: "absent"; evidence: Observation[] }
  /**
   * `asked: false`: nobody tried to look (no AWS in `doctor`, no probe asked for, an optional signal that this host
   * has not). Told apart from what should have been seen and was not: it does not keep a host from being healthy.
   */
  | { verdict: "unknown"; missing: string; asked?: false };

/**
 * From here on a cause is held to be so; below, it is a hypothesis, ranks last, and what it proposes is to find out.
 * Each cause's page says where its numbers come from.
 */
export const likely = 0.5;

/** For a cause that only AWS can tell, where there is no AWS to ask. */
export const awsNotAsked: Judgement = {
  verdict: "unknown",
  missing: "AWS was not asked: only the host was read",
  asked: false,
};

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
  /** Did the cause's own signal get better between two readings of the host? `null`: we never apply a fix for it. */
  verify: ((before: HostEvidence, after: HostEvidence) => Comparison) | null;
};
