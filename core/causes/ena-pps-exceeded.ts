import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import {
  agentHistory,
  exceeded,
  fragmentsAtTheCap,
  fragmentsPerSecond,
  hurts,
  observeExceeded,
  recentGrowth,
} from "../evidence/allowances.ts";
import { growth } from "../evidence/counters.ts";
import { peakPackets } from "../evidence/throughput.ts";
import { whole } from "../wording.ts";

/**
 * EC2 queues and then drops packets beyond what the type may send and receive in a second, however small they are.
 * Settled by `pps_allowance_exceeded` growing while few fragments leave. Looks alike: fragments beyond their own cap
 * move the same counter (`ena-fragments-exceeded`); bandwidth has counters of its own.
 */
export const enaPpsExceeded: Cause = {
  id: "ena-pps-exceeded",
  title: "The instance type's packets per second are used up",
  symptom: "Everything through the NAT loses packets in bursts.",
  fixes: ["change-instance-type", "add-vpc-endpoint"],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const now = exceeded(evidence, "pps");
    const past = recentGrowth(agentHistory(cloud, "pps_allowance_exceeded"));
    if (now === undefined && past === 0) {
      return { verdict: "unknown", missing: "the network driver counts no exceeded packets", asked: false };
    }
    const fragments = fragmentsPerSecond(evidence);
    const packets = peakPackets(cloud);
    const seen: Observation[] = [
      observeExceeded(evidence, "pps", past),
      {
        signal: "IP fragments made here",
        observed: `${whole(fragments)} a second`,
        expected: `below ${whole(fragmentsAtTheCap)}: they have a limit of their own`,
      },
      {
        signal: "packets forwarded",
        observed: `${whole((growth(evidence, "ip.ForwDatagrams") ?? 0) / evidence.window)} a second${
          packets === undefined
            ? ""
            : `; ${whole(packets)} in both directions in the busiest minute of the last hour`
        }`,
        expected: "EC2 does not publish the limit",
      },
    ];
    const growing = now?.growth ?? 0;
    if (fragments >= fragmentsAtTheCap || growing + past === 0) return { verdict: "absent", evidence: seen };
    const severity = hurts(evidence, growing) ? "critical" : "warning";
    return { verdict: "present", confidence: 0.9, severity, evidence: seen };
  },

  verify: null,
};
