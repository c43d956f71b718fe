import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, percent, whole } from "../wording.ts";

/** A line this recent (seconds) belongs to the incident that we were called for. */
const recent = 900;
/** This far below its limit the NAT's own table did not log it. */
const roomy = 0.7;

/**
 * The kernel logged a full table, and it was not the NAT's: a container on the same host has its own.
 * Settled by the log line's namespace (Linux 6.17 and newer name it), or by this table's own `drop`, which a full table
 * cannot leave at zero. Looks alike: a full table that has room again (its `drop` is above zero for ever).
 */
export const containerTableFull: Cause = {
  id: "container-table-full",
  title: "A container's connection tracking table is full, not the NAT's",
  symptom:
    "The kernel logs a full table while everything through the NAT works; a container on the host loses connections.",
  fixes: [],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const { kernelLog } = evidence;
    if (kernelLog === null) {
      return { verdict: "unknown", missing: "the kernel's log could not be read", asked: false };
    }
    const seen = observe(evidence);
    const isElsewhere =
      kernelLog.tableFullOtherNamespace > 0 && isRecent(evidence, kernelLog.tableFullOtherNamespaceLastAt);
    if (!isElsewhere && !isLoggedByAnother(evidence)) return { verdict: "absent", evidence: seen };
    return {
      verdict: "present",
      confidence: 0.95,
      severity: "warning",
      evidence: seen,
      advice: [
        "Nothing on the NAT's own path needs a change; give the container's traffic its own host, or fewer connections.",
        "Which one it is: lsns -t net lists the namespaces by the number in the log line; nsenter -t PID -n conntrack -C counts its entries.",
      ],
    };
  },

  verify: null,
};

/**
 * Whether the full table that the kernel logged lately was another namespace's, although the line does not say so:
 * a table that dropped nothing since boot was never full.
 */
function isLoggedByAnother(host: HostEvidence): boolean {
  const dropped = host.counters["conntrack.drop"]?.[0];
  const used = utilization(host);
  return (
    isRecent(host, host.kernelLog?.tableFullLastAt ?? null) &&
    dropped === 0 &&
    used !== undefined &&
    used < roomy
  );
}

function isRecent({ uptime }: HostEvidence, last: number | null): boolean {
  return last !== null && uptime - last <= recent;
}

function observe(host: HostEvidence): Observation[] {
  const { kernelLog, uptime } = host;
  const seen: Observation[] = [];
  if (kernelLog !== null && kernelLog.tableFullOtherNamespace > 0) {
    const last = kernelLog.tableFullOtherNamespaceLastAt;
    const when = last === null ? "" : `, the last ${duration(Math.max(0, uptime - last))} before`;
    const observed = `${whole(kernelLog.tableFullOtherNamespace)} lines${when}`;
    seen.push({ signal: "kernel log: table full in netns", observed, expected: "none" });
  }
  const last = kernelLog?.tableFullLastAt ?? null;
  if (last !== null && isRecent(host, last)) {
    const observed = `last ${duration(Math.max(0, uptime - last))} before`;
    seen.push({ signal: "kernel log: table full, dropping packet", observed, expected: "none" });
  }
  const dropped = host.counters["conntrack.drop"]?.[0];
  const used = utilization(host);
  seen.push({
    signal: "the NAT's own table",
    observed: `${used === undefined ? "unknown" : percent(used)} in use, ${dropped === undefined ? "unknown" : whole(dropped)} dropped since boot`,
    expected: `below ${percent(roomy)}`,
  });
  return seen;
}
