import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { scaleToTable } from "../evidence/counters.ts";
import { heaviestSource } from "../evidence/heaviest-source.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { type PortUse, tightestPortUse } from "../evidence/port-use.ts";
import { leastEntries, sourcesWorthAsking } from "../sources.ts";
import { percent, whole } from "../wording.ts";

/** Connections are refused at the very last port; a few always come and go between two looks. */
const exhausted = 0.95;
/** Room for less than a quarter more connections. */
const scarce = 0.8;

/** Ports that a host has unless somebody changed it: Linux 32768-60999, Windows 49152-65535. */
const defaultRanges = [28_232, 16_384];
/** By the NAT's table alone: a source that holds just as many entries to one destination as it has ports. */
const atTheEnd = { from: 0.95, to: 1.01 };

/**
 * A private host has no free port left towards one destination: connect() fails there with EADDRNOTAVAIL, and the NAT
 * never sees it. Settled by that host's own word: its connections to one remote end against its port range.
 * Looks alike: the NAT's own ports to that destination (there SYNs of all hosts die, and `insert_failed` grows).
 */
export const sourcePortsExhausted: Cause = {
  id: "source-ports-exhausted",
  title: "A host behind the NAT has used up its own ports",
  symptom:
    "Connections of one host to one destination fail at once with EADDRNOTAVAIL; all other hosts are fine.",
  fixes: ["widen-client-ports"],

  judge(evidence): Judgement {
    const { host, sources } = evidence;
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const use = tightestPortUse(evidence);
    if (use !== undefined && use.share >= scarce) {
      const severity = use.share >= exhausted ? "critical" : "warning";
      return { verdict: "present", confidence: 0.9, severity, ...described(use) };
    }
    const { table, conntrack } = host.evidence;
    if (table === null) {
      return conntrack.loaded
        ? { verdict: "unknown", missing: "the connection table could not be read" }
        : { verdict: "unknown", missing: "the kernel tracks no connections", asked: false };
    }
    const worthAsking = sourcesWorthAsking(host);
    if (worthAsking.length === 0) return { verdict: "absent", evidence: [fullest(host.evidence)] };
    const silent = worthAsking.filter(
      ({ address }) =>
        !sources.some((source) => source.address === address && source.reading.status === "read"),
    );
    if (silent.length === 0 && use !== undefined) return { verdict: "absent", evidence: [observe(use)] };
    const hypothesis = byTableAlone(host.evidence);
    if (hypothesis !== undefined && silent.some(({ address }) => address === hypothesis.address)) {
      return hypothesis.judgement;
    }
    const unread = sources.find(({ reading }) => reading.status === "unread")?.reading;
    const why = unread?.status === "unread" ? unread.detail : "it was not asked";
    // A host without an agent is nothing unusual, and no reason to call the NAT undetermined.
    const missing = `how many ports ${silent[0]?.address ?? "the heaviest source"} has left: ${why}`;
    return { verdict: "unknown", missing, asked: false };
  },

  verify: null,
};

function described(use: PortUse): { title: string; evidence: Observation[]; advice: string[] } {
  const { source, instanceId, used, waiting, reading } = use;
  const who = instanceId === null ? source : `${source} (${instanceId})`;
  const advice = [
    `${who} runs out of ports, not the NAT: connection pooling or keep-alive there removes the reason.`,
  ];
  if (waiting > used / 2) {
    advice.push(
      `${whole(waiting)} of its ${whole(used)} ports wait in TIME_WAIT after connections that ${who} closed itself.`,
    );
  }
  const title = `${source}, behind the NAT, has used up its own ports`;
  return { title, evidence: [observe(use), range(reading)], advice };
}

function observe({ source, destination, used, available, share, reading }: PortUse): Observation {
  const to = destination === null ? "" : ` to ${destination.address} port ${destination.port}`;
  return {
    signal: `ports of ${source} (${reading.platform === "windows" ? "Windows" : "Linux"}) in use${to}`,
    observed: `${whole(used)} of ${whole(available)} (${percent(share)})`,
    expected: `below ${percent(scarce)}`,
  };
}

function range({ portRange: [first, last], reservedPorts }: PortUse["reading"]): Observation {
  const reserved = reservedPorts === 0 ? "" : `, ${whole(reservedPorts)} of them reserved`;
  return {
    signal: "its port range",
    observed: `${first} to ${last}${reserved}`,
    expected: "1024 to 65535 on a busy host",
  };
}

function fullest(host: HostEvidence): Observation {
  const entries = Math.max(0, ...(host.table?.destinations ?? []).map((space) => space.entries));
  return {
    signal: "entries to the fullest destination",
    observed: whole(scaleToTable(host, entries)),
    expected: `below ${whole(leastEntries)}, for no host to be near its ports' end`,
  };
}

/** Nobody could be asked. What the table proves: at least so many of a source's entries are to one destination. */
function byTableAlone(host: HostEvidence): { address: string; judgement: Judgement } | undefined {
  const [space] = host.table?.destinations ?? [];
  const heaviest = heaviestSource(host);
  if (host.table === null || space === undefined || heaviest === undefined) return undefined;
  const least = scaleToTable(host, space.entries + heaviest.entries - host.table.entries);
  const most = scaleToTable(host, Math.min(space.entries, heaviest.entries));
  const limit = defaultRanges.find((ports) => least >= atTheEnd.from * ports && most <= atTheEnd.to * ports);
  if (limit === undefined) return undefined;
  const evidence: Observation[] = [
    {
      signal: `entries of ${heaviest.address} to ${space.address} port ${space.port}`,
      observed: whole(most),
      expected: `not just the ${whole(limit)} ports that ${limit === 16_384 ? "Windows" : "Linux"} gives by default`,
    },
  ];
  const title = `${heaviest.address}, behind the NAT, may have used up its own ports`;
  const advice = [
    `${heaviest.address} could not be asked: count its connections to ${space.address} port ${space.port} there, against its port range.`,
  ];
  const judgement: Judgement = {
    verdict: "present",
    confidence: 0.4,
    severity: "warning",
    title,
    evidence,
    advice,
  };
  return { address: heaviest.address, judgement };
}
