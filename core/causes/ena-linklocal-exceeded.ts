import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { agentHistory, exceeded, observeExceeded, recentGrowth } from "../evidence/allowances.ts";

/** What EC2 lets an interface send to these services together, in packets a second: fixed, for every type. */
const allowance = 1024;
/** One packet in a hundred: a name then fails to resolve at its first try often enough to be noticed. */
const shareThatHurts = 0.01;

/**
 * The Route 53 resolver, the metadata service and the time service share one small allowance per interface.
 * Settled by `linklocal_allowance_exceeded` growing. Looks alike: a resolver that is slow or refuses (nothing grows
 * here). What the instances behind the NAT ask themselves counts against their own interfaces.
 */
export const enaLinklocalExceeded: Cause = {
  id: "ena-linklocal-exceeded",
  title: "Too many packets to DNS, metadata and time from the NAT instance itself",
  symptom: "Names do not resolve, at random, on the NAT instance or through its resolver.",
  // The allowance cannot be raised, and what asks so much is a program that we do not know.
  fixes: [],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const now = exceeded(evidence, "linklocal");
    const past = recentGrowth(agentHistory(cloud, "linklocal_allowance_exceeded"));
    if (now === undefined && past === 0) {
      return {
        verdict: "unknown",
        missing: "the network driver counts no exceeded link-local packets",
        asked: false,
      };
    }
    const growing = now?.growth ?? 0;
    const seen: Observation[] = [observeExceeded(evidence, "linklocal", past)];
    if (growing + past === 0) return { verdict: "absent", evidence: seen };
    const hurts = growing / evidence.window >= shareThatHurts * allowance;
    return {
      verdict: "present",
      confidence: 0.95,
      severity: hurts ? "critical" : "warning",
      evidence: seen,
      advice: [
        `EC2 allows ${allowance} packets a second per interface to its resolver, metadata and time services together, for every type, and does not raise it.`,
        "Find the program on the NAT instance that asks so often, and let it ask a local cache (systemd-resolved, unbound, dnsmasq with a cache).",
        "Where the NAT instance resolves names for others, point them at the VPC's own resolver: each has an allowance of its own.",
      ],
    };
  },

  verify: null,
};
