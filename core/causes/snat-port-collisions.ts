import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth, portFailures, sampled } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { isRandom, nameSpace, occupied, type PortSpace, portSpaces, usedUp } from "../evidence/port-space.ts";
import { duration, percent, whole } from "../wording.ts";

/**
 * The kernel looks at five short windows of ports and gives up when all of them are taken. Of the connections that have
 * to search, the fifth power of the block's share fails: 0.3 % at 31 %, 1.9 % at 44 %, 9.3 % at 62 % (measured). One
 * Linux client's whole range, 28,232 ports, is 44 %.
 */
const blockOfOneClient = 0.4;
/** The kernel tries all ports of a range that is shorter than its first window. */
const firstWindow = 128;

/**
 * Clients use the same source ports towards one destination, and the kernel, which keeps a client's port when it can,
 * searches for another one too briefly, although many are free. Ports that were kept stay in one block after the rule
 * was changed, until their connections end, and whoever searches meets it.
 * Settled by `insert_failed` and `drop` growing alike while no port space is full.
 * Looks alike: used-up ports (the space is full), a full table (`drop` alone), long hash chains (`insert_failed` alone).
 */
export const snatPortCollisions: Cause = {
  id: "snat-port-collisions",
  title: "Clients collide on source ports, and the kernel gives up searching",
  symptom:
    "A small share of new connections to one busy destination times out although most of its ports are free.",
  fixes: ["randomize-source-ports", "spread-nat-addresses"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const failures = portFailures(evidence);
    if (failures === undefined) {
      return { verdict: "unknown", missing: "the counters of connection tracking could not be read" };
    }
    if (failures === 0) return { verdict: "absent", evidence: [refused(evidence)] };
    const spaces = portSpaces(evidence);
    if (spaces === undefined)
      return { verdict: "unknown", missing: "the connection table could not be read" };
    const crowded = spaces.find(isCrowded);
    if (crowded === undefined || spaces.some(({ occupancy }) => occupancy >= usedUp)) {
      const [fullest] = spaces;
      const seen = fullest === undefined ? [] : [observe(evidence, fullest)];
      return { verdict: "absent", evidence: [refused(evidence), ...seen] };
    }
    const random = isRandom(crowded);
    if (random === undefined) {
      return {
        verdict: "unknown",
        missing: "whether the NAT rule keeps the clients' ports: the rules could not be read",
      };
    }
    const seen = [refused(evidence), observe(evidence, crowded), ...observeRule(evidence, random)];
    if (evidence.table?.remapped === 0) return { verdict: "absent", evidence: seen };
    if (random) {
      return {
        verdict: "present",
        confidence: 0.7,
        severity: "critical",
        evidence: seen,
        title: "A block of source ports from before the rule chose at random is in the way",
        advice: [
          "The block dissolves as its connections end: restart the clients that hold them for long, or wait.",
        ],
      };
    }
    return {
      verdict: "present",
      confidence: 0.9,
      severity: "critical",
      evidence: seen,
      advice: [
        "Random ports help as connections are renewed: those that exist keep their ports, and their block.",
      ],
    };
  },

  verify(before, after) {
    const failures = portFailures(after);
    if (failures === undefined) return { verdict: "unknown", evidence: [] };
    const random = ruleIsRandom(after);
    const evidence = [refused(after), ...(random === undefined ? [] : observeRule(after, random))];
    if (failures === 0) return { verdict: "better", evidence };
    if (failures / after.window > (2 * (portFailures(before) ?? 0)) / before.window) {
      return { verdict: "worse", evidence };
    }
    // The block of kept ports goes when its connections do, which no window of seconds can show.
    const madeRandom = random === true && ruleIsRandom(before) === false;
    return { verdict: madeRandom ? "better" : "unchanged", evidence };
  },
};

/** Of the fullest space; `undefined`: unknown. */
function ruleIsRandom(host: HostEvidence): boolean | undefined {
  const [fullest] = portSpaces(host) ?? [];
  return fullest === undefined ? undefined : isRandom(fullest);
}

function isCrowded({ occupancy, capacity }: PortSpace): boolean {
  return occupancy >= blockOfOneClient && occupancy < usedUp && capacity >= firstWindow;
}

function refused(host: HostEvidence): Observation {
  const found = growth(host, "conntrack.found") ?? 0;
  const tried = found > 0 ? `, ${whole(found)} ports tried and found taken` : "";
  return {
    signal: "connections refused for want of a free port",
    observed: `${whole(portFailures(host) ?? 0)} in ${duration(host.window)}${tried}`,
    expected: "0",
  };
}

function observe(host: HostEvidence, space: PortSpace): Observation {
  return {
    signal: `source ports in use, ${nameSpace(space)}`,
    observed: `${occupied(space)} (${percent(space.occupancy)}${sampled(host)})`,
    expected: `below ${percent(blockOfOneClient)} with kept ports`,
  };
}

function observeRule({ table }: HostEvidence, random: boolean): Observation[] {
  const seen: Observation[] = [
    {
      signal: "the NAT rule's choice of ports",
      observed: random ? "random" : "the client's own while it is free",
      expected: "random (--random-fully)",
    },
  ];
  const remapped = table?.remapped ?? null;
  if (table !== null && remapped !== null && table.entries > 0) {
    const observed = `${percent(remapped / table.entries)} of the entries read`;
    seen.push({ signal: "connections that got another port than their own", observed, expected: "few" });
  }
  return seen;
}
