import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import type { TimestampProbe } from "../evidence/probe.ts";
import {
  entriesTo,
  mixedDestinations,
  type Suspicion,
  suspectedDestination,
  timestampFinding,
} from "../evidence/suspected-destination.ts";
import { duration, percent, whole } from "../wording.ts";

/** Sources whose SYNs stay unanswered: a single one has a trouble of its own, such as a firewall. */
const leastSources = 2;
/** Of the SYNs of the last seconds: one that is on its way at the moment of reading has no answer yet either. */
const strayShare = 0.1;
/** Of the most that one source has: others that fail now and then do not make it theirs. */
const sameTrouble = 0.1;

/**
 * A destination with `net.ipv4.tcp_tw_recycle` (Linux before 4.12) remembers the last TCP timestamp of an address and
 * drops SYNs with an older one for 60 s. Behind one NAT address each client has a clock of its own.
 * Settled by the active test: connections in turns with and without timestamps. Looks alike, and is told apart by
 * nothing passive: a destination that is overloaded, limits connections per address, or lost some of its servers.
 */
export const remoteRejectsTimestamps: Cause = {
  id: "remote-rejects-timestamps",
  title: "The destination refuses connections whose TCP timestamp goes back",
  symptom:
    "Some connections to one destination time out while others work at the same moment; one client alone never fails.",
  fixes: ["strip-timestamps", "tell-remote-owner"],

  judge(evidence): Judgement {
    const { host, probes } = evidence;
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { table } = host.evidence;
    const probe = probes.timestamps;
    const found = probe?.status === "done" ? timestampFinding(probe) : undefined;
    if (probe?.status === "done" && found === "confirmed") {
      const { address, port } = probe;
      const seen = [observeEntries(entriesTo(host.evidence, address, port)), observeProbe(probe)];
      return { verdict: "present", confidence: 0.9, severity: "critical", evidence: seen };
    }
    if (table === null) {
      return host.evidence.conntrack.loaded
        ? { verdict: "unknown", missing: "the connection table could not be read" }
        : { verdict: "unknown", missing: "the kernel tracks no connections", asked: false };
    }
    const suspicion = suspectedDestination(evidence);
    if (suspicion === undefined) return { verdict: "absent", evidence: [noSuspicion(host.evidence)] };
    const seen = [observeEntries(suspicion)];
    const [drops] = dropsHere(host.evidence);
    // What this host drops never gets an answer either.
    if (drops !== undefined) return { verdict: "absent", evidence: [...seen, drops] };
    const [most = 0] = table.unrepliedSources.map(([, entries]) => entries);
    const sources = table.unrepliedSources.filter(([, entries]) => entries >= sameTrouble * most).length;
    if (sources < leastSources) {
      const signal = "sources with unanswered connections";
      const expected = `at least ${leastSources}, if the destination mixes up their clocks`;
      return { verdict: "absent", evidence: [...seen, { signal, observed: whole(sources), expected }] };
    }
    if (probe?.status === "done" && (found === "refuted" || found === "failing")) {
      return { verdict: "absent", evidence: [...seen, observeProbe(probe)] };
    }
    return {
      verdict: "present",
      confidence: 0.4,
      severity: "warning",
      title: "One destination answers some connections and not others",
      evidence: probe?.status === "done" ? [...seen, observeProbe(probe)] : seen,
      advice: [nextStep(suspicion, probe)],
    };
  },

  /**
   * Entries of what failed before stay for the timeout of SYN_SENT, so what counts are SYNs of the last seconds. A SYN
   * that is sent again passes the rule too, so where it helps none stays without an answer.
   */
  verify(before, after) {
    const [worst] = mixedDestinations(before);
    if (worst === undefined) return { verdict: "unknown", evidence: [] };
    const latelyBefore = unansweredLately(before, worst);
    const lately = unansweredLately(after, worst);
    if (latelyBefore === undefined || lately === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = [
      {
        signal: `SYNs of the last 3 s to ${worst.address} port ${worst.port} without an answer`,
        observed: `${whole(lately)}, before ${whole(latelyBefore)}`,
        expected: "none",
      },
    ];
    // Nobody tried in vain just then, before the change: nothing can be seen of it.
    if (latelyBefore === 0) return { verdict: "unknown", evidence };
    if (lately <= latelyBefore * strayShare) return { verdict: "better", evidence };
    return { verdict: lately > 2 * latelyBefore ? "worse" : "unchanged", evidence };
  },
};

function unansweredLately({ table }: HostEvidence, { address, port }: Suspicion): number | undefined {
  if (table === null || table.unansweredLately === null) return undefined;
  return table.unansweredLately
    .filter((space) => space.protocol === "tcp" && space.address === address && space.port === port)
    .reduce((sum, { entries }) => sum + entries, 0);
}

/** Drops of this host's own connection tracking, any of which explains a SYN without an answer. */
function dropsHere(host: HostEvidence): Observation[] {
  return ["conntrack.drop", "conntrack.insert_failed", "conntrack.early_drop"]
    .map((signal) => ({ signal, grown: growth(host, signal) ?? 0 }))
    .filter(({ grown }) => grown > 0)
    .map(({ signal, grown }) => ({
      signal,
      observed: `${whole(grown)} in ${duration(host.window)}`,
      expected: "0, for the destination to be the reason",
    }));
}

function observeEntries({ address, port, unanswered, answered }: Suspicion): Observation {
  return {
    signal: `connections to ${address} port ${port}`,
    observed: `${whole(unanswered)} without an answer beside ${whole(answered)} with one`,
    expected: "all answered, or none",
  };
}

function observeProbe({ withTimestamps, withoutTimestamps, address, port }: TimestampProbe): Observation {
  const share = ({ succeeded, attempted }: TimestampProbe["withTimestamps"]) =>
    `${succeeded} of ${attempted} (${percent(attempted === 0 ? 0 : succeeded / attempted)})`;
  return {
    signal: `test connections to ${address} port ${port}`,
    observed: `${share(withTimestamps)} with timestamps, ${share(withoutTimestamps)} without`,
    expected: "no difference",
  };
}

function noSuspicion(host: HostEvidence): Observation {
  const mixed = mixedDestinations(host).length;
  return {
    signal: "destinations that answer some connections and not others",
    observed: whole(mixed),
    expected: mixed === 0 ? "0" : "one or two, if a destination is to blame",
  };
}

function nextStep({ address, port }: Suspicion, probe: TimestampProbe | null): string {
  if (probe === null) {
    return `To find out whether ${address} port ${port} refuses TCP timestamps, ask for the active test: 40 connections in turns with and without them, from a namespace that is removed afterwards.`;
  }
  if (probe.status === "refused") return `The active test was not run: ${probe.reason}.`;
  if (timestampFinding(probe) === "blocked") {
    return `None of the active test's connections to ${address} port ${port} got through, so it tells nothing: does the FORWARD chain let 169.254.0.0/16 pass?`;
  }
  return `The active test to ${address} port ${port} showed too small a difference to tell: run it again while connections fail.`;
}
