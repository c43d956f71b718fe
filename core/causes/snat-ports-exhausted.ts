import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth, portFailures, sampled, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import {
  estimateError,
  isRandom,
  nameSpace,
  occupied,
  type PortSpace,
  portSpaces,
  usedUp,
  wholeRange,
} from "../evidence/port-space.ts";
import { duration, percent, whole } from "../wording.ts";

/**
 * Where new connections begin to fail when clients keep their own ports: 1.2 % at 51 % in use, 3 % at 87 %, 10 % at
 * 95 %, 27 % at 99 % (measured). One Linux client's whole range is 44 %.
 */
const fillingUp = 0.45;
/** With random ports none fail until 87 %, and 0.8 % at 91 % (measured): time to act a little before that. */
const fillingUpAtRandom = 0.8;
/** An estimate this far off, from a small sample, may be on the wrong side of any threshold. */
const roughEstimate = 0.1;

/**
 * Every source port towards one destination is taken, so the kernel drops the first packet of each new connection to
 * it, silently. Settled by one port space that is full, and by `insert_failed` and `drop` growing alike.
 * Looks alike: a full table (`drop` alone grows), long hash chains (`insert_failed` alone), clients that collide on
 * ports while others are free (the space has room), a rule that allows only a few ports (its own cause).
 */
export const snatPortsExhausted: Cause = {
  id: "snat-ports-exhausted",
  title: "The source ports towards one destination are used up",
  symptom: "New connections to one busy destination time out at random; other destinations are fine.",
  fixes: ["randomize-source-ports", "shorten-conntrack-timeouts", "spread-nat-addresses", "add-vpc-endpoint"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const { count } = evidence.conntrack;
    // No space holds more than the whole table, so the table need not be readable.
    if (count !== null && count < fillingUp * wholeRange)
      return { verdict: "absent", evidence: [room(count)] };
    const fullest = fullestSpace(evidence);
    if (fullest === undefined)
      return { verdict: "unknown", missing: "the connection table could not be read" };
    if (fullest === null) return { verdict: "absent", evidence: [refused(evidence)] };

    const seen = [observe(evidence, fullest), refused(evidence), search(evidence)];
    const random = isRandom(fullest);
    if (fullest.occupancy < (random === true ? fillingUpAtRandom : fillingUp)) {
      return { verdict: "absent", evidence: seen };
    }
    const fails = (portFailures(evidence) ?? 0) > 0;
    const rough = estimateError(evidence, fullest) > roughEstimate;
    const advice = adviceFor(evidence, fullest);
    if (fullest.occupancy >= usedUp) {
      return {
        verdict: "present",
        confidence: fails ? (rough ? 0.8 : 0.97) : 0.85,
        severity: "critical",
        evidence: seen,
        advice,
      };
    }
    // With kept ports a failure here is a collision, which is its own cause and leads; without, ports do run short.
    if (fails && random !== false) {
      return {
        verdict: "present",
        confidence: random === true ? 0.8 : 0.6,
        severity: "critical",
        evidence: seen,
        title: "The source ports towards one destination run short",
        advice,
      };
    }
    const searches = (growth(evidence, "conntrack.found") ?? 0) > 0;
    return {
      verdict: "present",
      confidence: searches ? 0.8 : 0.7,
      severity: "warning",
      evidence: seen,
      title: "The source ports towards one destination are running out",
      advice,
    };
  },

  verify(before, after) {
    const failures = portFailures(after);
    const fullest = fullestSpace(after);
    if (failures === undefined || fullest === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = [...(fullest === null ? [] : [observe(after, fullest)]), refused(after)];
    const occupancy = fullest?.occupancy ?? 0;
    const random = fullest !== null && isRandom(fullest) === true;
    if (failures === 0 && occupancy < (random ? fillingUpAtRandom : fillingUp)) {
      return { verdict: "better", evidence };
    }
    const failuresBefore = portFailures(before) ?? 0;
    const spaceBefore = fullestSpace(before) ?? undefined;
    const occupancyBefore = spaceBefore?.occupancy ?? 0;
    // The same connections, and none of the next ones fails any more where it would have.
    const madeRandom = random && spaceBefore !== undefined && isRandom(spaceBefore) === false;
    if (failures === 0 && madeRandom && occupancy < usedUp) return { verdict: "better", evidence };
    // Room was made, though not yet enough of it: ports that were used up are free again.
    if (failures === 0 && failuresBefore > 0 && occupancy < 0.9 * occupancyBefore) {
      return { verdict: "better", evidence };
    }
    const worse = failures / after.window > (2 * failuresBefore) / before.window;
    return { verdict: worse ? "worse" : "unchanged", evidence };
  },
};

/** Of those that no rule makes small; `null`: there is none, `undefined`: the table could not be read. */
function fullestSpace(host: HostEvidence): PortSpace | null | undefined {
  const spaces = portSpaces(host);
  return spaces === undefined ? undefined : (spaces.find(({ small }) => !small) ?? null);
}

function room(count: number): Observation {
  return {
    signal: "entries in the whole table",
    observed: whole(count),
    expected: `below ${whole(fillingUp * wholeRange)}, so that no destination can have more`,
  };
}

function observe(host: HostEvidence, space: PortSpace): Observation {
  return {
    signal: `source ports in use, ${nameSpace(space)}`,
    observed: `${occupied(space)} (${percent(space.occupancy)}${sampled(host)})`,
    expected: `below ${percent(isRandom(space) === true ? fillingUpAtRandom : fillingUp)}`,
  };
}

function refused(host: HostEvidence): Observation {
  const failures = portFailures(host);
  return {
    signal: "connections refused for want of a free port",
    observed: failures === undefined ? "not readable" : `${whole(failures)} in ${duration(host.window)}`,
    expected: "0",
  };
}

function search(host: HostEvidence): Observation {
  const found = growth(host, "conntrack.found");
  return {
    signal: "ports tried and found taken",
    observed: found === undefined ? "not readable" : `${whole(found)} in ${duration(host.window)}`,
    expected: "few",
  };
}

function adviceFor(host: HostEvidence, { address, port, capacity, entries }: PortSpace): string[] {
  const advice = [
    `Pool and reuse connections to ${address} port ${port}: no setting of the NAT gives one address more than ${whole(capacity)} ports for it.`,
    "A larger table does not help: the limit is the ports of one address, not the entries.",
    "Further addresses help only where connections are dealt out to them explicitly: the kernel does not spill over from a full one.",
  ];
  const timeWait = host.timeouts.tcp_timeout_time_wait;
  if (timeWait !== undefined && timeWait > 0 && entries >= fillingUp * capacity) {
    advice.push(
      `Closed connections hold their port for ${duration(timeWait)}, so more than ${whole(capacity / timeWait)} short connections a second to it cannot be kept up.`,
    );
  }
  if ((utilization(host) ?? 0) < 0.7)
    advice.push("Do not reboot: it cuts every connection, and the ports fill again.");
  return advice;
}
