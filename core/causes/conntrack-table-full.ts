import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth, tableFullDrops, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { duration, percent, whole } from "../wording.ts";

/** From here the kernel refuses or evicts in bursts: the count that we read wavers below the limit by a little. */
const full = 0.98;
/** Where node-problem-detector and netdata raise the alarm: one burst away from the limit. */
const nearlyFull = 0.9;
/** A table that was full lately need not be full at the moment we look, but it has not become roomy. */
const roomy = 0.7;
/** A "table full" line this recent (seconds) belongs to the incident that we were called for. */
const recent = 900;

/**
 * The table has no room, so the kernel drops the first packet of every new connection, silently.
 * Settled by `drop` growing faster than `insert_failed`: only a full table does that (measured on 6.1 to 6.18).
 * Looks alike: exhausted SNAT ports (both grow alike), a container's own table (this one's `drop` is zero since boot),
 * a table at its limit that evicts half-open entries (`early_drop` grows, `drop` does not).
 */
export const conntrackTableFull: Cause = {
  id: "conntrack-table-full",
  title: "The connection tracking table is full",
  symptom: "Established connections keep working while new ones time out at random.",
  fixes: ["raise-conntrack-max", "bypass-conntrack"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    if (!evidence.conntrack.loaded) {
      return { verdict: "unknown", missing: "nf_conntrack is not loaded, so this host does no NAT" };
    }
    const used = utilization(evidence);
    if (used === undefined)
      return { verdict: "unknown", missing: "nf_conntrack_count and nf_conntrack_max could not be read" };

    const seen = [...observe(evidence, used), ...observeLog(evidence)];
    const drops = tableFullDrops(evidence);
    if (drops !== undefined && drops > 0) return present(used >= full ? 0.99 : 0.8, seen);
    // Room is made for each newcomer by evicting half-open entries: a cause of its own, with its own signal.
    if (drops === 0 && (growth(evidence, "conntrack.early_drop") ?? 0) > 0) {
      return { verdict: "absent", evidence: seen };
    }
    if (used >= full) return present(drops === undefined ? 0.9 : 0.85, seen);
    if (used >= roomy && loggedRecently(evidence)) return present(0.7, seen);
    if (used >= nearlyFull) {
      const title = "The connection tracking table is nearly full";
      return { verdict: "present", confidence: 0.6, severity: "warning", evidence: seen, title };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after) {
    const usedAfter = utilization(after);
    const dropsBefore = tableFullDrops(before);
    const dropsAfter = tableFullDrops(after);
    if (usedAfter === undefined || dropsAfter === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, usedAfter);
    if (dropsAfter === 0 && usedAfter < roomy) return { verdict: "better", evidence };
    if (dropsBefore !== undefined && dropsAfter / after.window > (2 * dropsBefore) / before.window) {
      return { verdict: "worse", evidence };
    }
    return { verdict: "unchanged", evidence };
  },
};

function present(confidence: number, evidence: Observation[]): Judgement {
  return { verdict: "present", confidence, severity: "critical", evidence, advice };
}

const advice = [
  "Do not reboot: it cuts every connection, and what fills the table fills it again.",
  "More room alone buys time: look at what fills the table.",
];

/** By this table: up to Linux 6.16 the line does not say whose it was, but a table that was full has dropped. */
function loggedRecently({ kernelLog, uptime, counters }: HostEvidence): boolean {
  const last = kernelLog?.tableFullLastAt ?? null;
  const everDropped = counters["conntrack.drop"]?.[0] !== 0;
  return last !== null && uptime - last <= recent && everDropped;
}

function observe(host: HostEvidence, used: number): Observation[] {
  const { count, max } = host.conntrack;
  const seen: Observation[] = [
    {
      signal: "nf_conntrack_count / nf_conntrack_max",
      observed: `${whole(count ?? 0)} of ${whole(max ?? 0)} entries (${percent(used)})`,
      expected: `below ${percent(roomy)}`,
    },
  ];
  const drops = tableFullDrops(host);
  if (drops !== undefined) {
    const early = growth(host, "conntrack.early_drop") ?? 0;
    seen.push({
      signal: "connections dropped for want of room",
      observed: `${whole(drops)} in ${duration(host.window)}${early > 0 ? `, ${whole(early)} evicted early` : ""}`,
      expected: "0",
    });
  }
  return seen;
}

function observeLog(host: HostEvidence): Observation[] {
  const last = host.kernelLog?.tableFullLastAt ?? null;
  if (last === null || !loggedRecently(host)) return [];
  const observed = `last ${duration(Math.max(0, host.uptime - last))} before`;
  return [{ signal: "kernel log: table full, dropping packet", observed, expected: "none" }];
}
