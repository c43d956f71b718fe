import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { sampled, scaleToTable, utilization } from "../evidence/counters.ts";
import { type HalfOpenFlood, halfOpenFlood, muchUnanswered } from "../evidence/half-open.ts";
import { type Heaviest, heaviestSource } from "../evidence/heaviest-source.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { percent, whole } from "../wording.ts";

/** One source with this share of the table decides whether there is room for the others. */
const heavyShare = 0.3;
/** It must also stand out: four hosts with a quarter each are a busy network, not a heavy hitter. */
const timesTheNext = 2;
/** Below this nobody is harmed by it. */
const scarce = 0.8;

/**
 * One private host holds so many entries that the others go without: with connections that it keeps, or with questions
 * that nobody answers. Settled by the ranking of sources, and by the entries without a reply.
 * Looks alike: many busy hosts (no source stands out), a server that is down (one destination has most of the entries
 * without a reply: whoever asks it is no scanner).
 */
export const conntrackHeavyHitter: Cause = {
  id: "conntrack-heavy-hitter",
  title: "One host uses up the connection tracking table",
  symptom: "All hosts behind the NAT lose connections, but one of them makes most of the entries.",
  fixes: ["raise-conntrack-max", "limit-source-connections", "bypass-conntrack"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const used = utilization(evidence);
    if (used === undefined)
      return { verdict: "unknown", missing: "nf_conntrack_count and nf_conntrack_max could not be read" };
    // Nothing is scarce: whoever leads the table harms nobody, so the table need not be readable either.
    if (used < scarce) return { verdict: "absent", evidence: [room(used)] };
    const heaviest = heaviestSource(evidence);
    if (heaviest === undefined)
      return { verdict: "unknown", missing: "the connection table could not be read" };
    const flood = halfOpenFlood(evidence);
    if (flood !== undefined && flood !== null) {
      return {
        verdict: "present",
        confidence: 0.85,
        severity: "warning",
        evidence: [room(used), observeFlood(evidence, flood), observe(evidence, heaviest)],
        title: "One host scans or floods",
        advice: [
          `Ask the owner of ${flood.address} what it looks for: a scan, malware, or a job whose targets are gone.`,
        ],
      };
    }
    const seen = [room(used), observe(evidence, heaviest)];
    if (heaviest.share >= heavyShare && heaviest.entries >= timesTheNext * heaviest.next) {
      return { verdict: "present", confidence: 0.9, severity: "warning", evidence: seen };
    }
    return { verdict: "absent", evidence: seen };
  },

  verify(before, after) {
    const usedBefore = utilization(before);
    const used = utilization(after);
    if (used === undefined || usedBefore === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = [room(used)];
    if (used < scarce) return { verdict: "better", evidence };
    return { verdict: used > usedBefore ? "worse" : "unchanged", evidence };
  },
};

function room(used: number): Observation {
  return { signal: "table in use", observed: percent(used), expected: `below ${percent(scarce)}` };
}

function observe(host: HostEvidence, { address, entries, share }: Heaviest): Observation {
  return {
    signal: "heaviest source",
    observed: `${address} with ${whole(scaleToTable(host, entries))} entries (${percent(share)}${sampled(host)})`,
    expected: `below ${percent(heavyShare)}, or no more than ${timesTheNext} times the next`,
  };
}

function observeFlood(
  host: HostEvidence,
  { address, entries, unanswered, share }: HalfOpenFlood,
): Observation {
  return {
    signal: "entries without a reply",
    observed: `${percent(unanswered)} of the table, ${percent(share)} of them (${whole(scaleToTable(host, entries))}) from ${address} to many destinations${sampled(host)}`,
    expected: `below ${percent(muchUnanswered)}`,
  };
}
