import { type Cause, type Comparison, type Judgement, type Observation, unreadHost } from "../cause.ts";
import {
  agentHistory,
  availableConnections,
  exceeded,
  observeExceeded,
  recentGrowth,
} from "../evidence/allowances.ts";
import { type Headroom, headroom, littleRoom } from "../evidence/security-group-tracking.ts";
import { percent, whole } from "../wording.ts";

/**
 * The security group layer tracks connections too, in a table of its own outside the host, whose size depends on the
 * type; a NAT needs two places in it for each connection. Settled by `conntrack_allowance_exceeded`; the headroom is
 * `conntrack_allowance_available`. Looks alike: the kernel's own table is full (its count is at its limit, its `drop`
 * grows, it logs).
 */
export const enaConntrackExceeded: Cause = {
  id: "ena-conntrack-exceeded",
  title: "The security group layer tracks more connections than the instance type allows",
  symptom:
    "New connections fail at random although the kernel's table has room and nothing on the host drops.",
  fixes: ["align-eni-timeouts", "untrack-security-group-rules", "change-instance-type"],

  judge({ host, cloud }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const now = exceeded(evidence, "conntrack");
    const past = recentGrowth(agentHistory(cloud, "conntrack_allowance_exceeded"));
    const room = headroom(evidence, cloud);
    if (now === undefined && past === 0 && room === undefined) {
      return {
        verdict: "unknown",
        missing: "the network driver does not count connections of the security group layer",
        asked: false,
      };
    }
    const seen = [
      observeExceeded(evidence, "conntrack", past),
      ...(room === undefined ? [] : [observeRoom(room)]),
    ];
    const growing = now?.growth ?? 0;
    if (growing > 0) return { verdict: "present", confidence: 0.97, severity: "critical", evidence: seen };
    if (past > 0) return { verdict: "present", confidence: 0.97, severity: "warning", evidence: seen };
    if (room !== undefined && room.available < littleRoom * room.limit) {
      return {
        verdict: "present",
        confidence: room.measured ? 0.9 : 0.7,
        severity: "warning",
        evidence: seen,
        title: "The security group layer has little room left for connections",
      };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after): Comparison {
    const now = exceeded(after, "conntrack");
    if (now === undefined) return { verdict: "unknown", evidence: [] };
    const available = availableConnections(after);
    const evidence = [
      observeExceeded(after, "conntrack", 0),
      ...(available === undefined ? [] : [observeAvailable(available, "more than before")]),
    ];
    const then = exceeded(before, "conntrack")?.growth ?? 0;
    if (now.growth > (2 * then * after.window) / before.window) return { verdict: "worse", evidence };
    if (now.growth > 0) return { verdict: "unchanged", evidence };
    const gained = (available ?? 0) > (availableConnections(before) ?? 0);
    return { verdict: then > 0 || gained ? "better" : "unchanged", evidence };
  },
};

function observeRoom({ available, limit, measured }: Headroom): Observation {
  const of = measured ? "of the most seen in three hours" : "of what is free and what this host has open";
  return observeAvailable(
    available,
    `at least ${percent(littleRoom)} ${of}`,
    ` (${percent(available / Math.max(1, limit))} of ${whole(limit)})`,
  );
}

function observeAvailable(available: number, expected: string, share = ""): Observation {
  return { signal: "conntrack_allowance_available", observed: `${whole(available)}${share}`, expected };
}
