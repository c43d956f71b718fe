import {
  awsNotAsked,
  type Cause,
  type Comparison,
  type Judgement,
  type Observation,
  unreadHost,
} from "../cause.ts";
import { availableConnections, exceeded, observeExceeded } from "../evidence/allowances.ts";
import { scaleToTable } from "../evidence/counters.ts";
import { idleBeyond, leavesUntracked, shortestTimeout } from "../evidence/security-group-tracking.ts";
import { percent, timeout, whole } from "../wording.ts";

/** Connections that are forgotten out there and known here. A few are those that their clients left behind. */
const someIdle = 50;
/** Of the established ones: below, the clients' own keepalive sees to it that nearly none is idle for so long. */
const idleShare = 0.05;

/**
 * The security group layer drops an idle connection long before the kernel does: on Nitro v6 after 350 s, where the
 * kernel waits for five days and a client's keepalive for two hours. The next packet is then lost outside the host.
 * Settled by both timeouts and the idle histogram of the table. Looks alike: a kernel timeout that is too short (the
 * kernel's is the shorter one then), a client that closes idle connections itself.
 */
export const eniTimeoutMismatch: Cause = {
  id: "eni-timeout-mismatch",
  title: "The security group layer forgets connections that the kernel still knows",
  symptom: "Connections that were idle for some minutes hang at their next packet.",
  fixes: ["align-eni-timeouts"],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    if (!cloud.asked) return awsNotAsked;
    const { evidence } = host;
    const kernel = evidence.timeouts.tcp_timeout_established;
    if (kernel === undefined) {
      return { verdict: "unknown", missing: "nf_conntrack_tcp_timeout_established could not be read" };
    }
    const outside = shortestTimeout(cloud);
    if (outside === undefined) {
      return { verdict: "unknown", missing: "EC2 did not say when the interfaces forget idle connections" };
    }
    const seen: Observation[] = [
      {
        signal: "idle timeout of the interface, for established TCP",
        observed: timeout(outside),
        expected: `at least the kernel's, ${timeout(kernel)}`,
      },
    ];
    if (outside >= kernel || leavesUntracked(cloud) === true) return { verdict: "absent", evidence: seen };
    const idle = idleBeyond(evidence, outside);
    if (idle === undefined || evidence.table === null) {
      return { verdict: "unknown", missing: "the connection table could not be read" };
    }
    const established = scaleToTable(evidence, evidence.table.tcpStates.ESTABLISHED ?? 0);
    const share = established === 0 ? 0 : idle / established;
    seen.push({
      signal: "established connections idle for longer than that",
      observed: `${whole(idle)} of ${whole(established)} (${percent(share)})`,
      expected: `below ${someIdle}, or below ${percent(idleShare)}`,
    });
    if (idle < someIdle || share < idleShare) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.75,
      severity: "warning",
      evidence: seen,
      advice: [
        `Clients that send a keepalive at least every ${timeout(outside)} are not affected; Linux's own default is 2 h.`,
      ],
    };
  },

  /**
   * The change itself is read back from EC2 when it is made. What it could spoil shows on the host: idle connections
   * now keep their place in the security group layer.
   */
  verify(before, after): Comparison {
    const refused = exceeded(after, "conntrack");
    const available = availableConnections(after);
    if (refused === undefined || available === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = [
      observeExceeded(after, "conntrack", 0),
      {
        signal: "conntrack_allowance_available",
        observed: whole(available),
        expected: "room for what is now remembered",
      },
    ];
    const refusedBefore = exceeded(before, "conntrack")?.growth ?? 0;
    if (refused.growth > 0) return { verdict: refusedBefore > 0 ? "unchanged" : "worse", evidence };
    return { verdict: available > 0 ? "better" : "unchanged", evidence };
  },
};
