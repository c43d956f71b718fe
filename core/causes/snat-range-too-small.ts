import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { portFailures, sampled } from "../evidence/counters.ts";
import type { HostEvidence, NatRule } from "../evidence/host.ts";
import {
  capacityOf,
  nameSpace,
  occupied,
  type PortSpace,
  portSpaces,
  smallRules,
  usedUp,
  wholeRange,
} from "../evidence/port-space.ts";
import { duration, percent, whole } from "../wording.ts";

/** Where failures begin in a range that is searched in part, as in the whole one (measured there). */
const fillingUp = 0.45;

/**
 * A NAT rule says `--to-ports`, or a range after SNAT's address, and leaves fewer than half of the ports: each
 * destination then has as many connections at most. Settled by the rule and by a port space that it fills.
 * Looks alike: used-up ports (the whole range is full), clients that collide (the space has room).
 */
export const snatRangeTooSmall: Cause = {
  id: "snat-range-too-small",
  title: "The NAT rule may use only a few source ports",
  symptom: "New connections to busy destinations time out at random, far below any limit of the table.",
  fixes: ["widen-snat-range"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const failures = portFailures(evidence);
    const rules = smallRules(evidence);
    if (rules === undefined) {
      if (failures === 0) return { verdict: "absent", evidence: [refused(evidence)] };
      return { verdict: "unknown", missing: "the NAT rules of the host could not be read" };
    }
    if (rules.length === 0) return { verdict: "absent", evidence: [wide()] };
    const fullest = fullestSpace(evidence);
    if (fullest === undefined)
      return { verdict: "unknown", missing: "the connection table could not be read" };
    const seen = [...rules.slice(0, 3).map(narrow), refused(evidence)];
    if (fullest === null) return { verdict: "absent", evidence: seen };
    seen.unshift(observe(evidence, fullest));
    if (fullest.occupancy < fillingUp) return { verdict: "absent", evidence: seen };
    const fails = failures !== undefined && failures > 0;
    if (fails || fullest.occupancy >= usedUp) {
      return { verdict: "present", confidence: fails ? 0.98 : 0.9, severity: "critical", evidence: seen };
    }
    return { verdict: "present", confidence: 0.8, severity: "warning", evidence: seen };
  },

  verify(before, after) {
    const failures = portFailures(after);
    const fullest = fullestSpace(after);
    if (failures === undefined || fullest === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = [...(fullest === null ? [] : [observe(after, fullest)]), refused(after)];
    if (failures === 0 && (fullest?.occupancy ?? 0) < fillingUp) return { verdict: "better", evidence };
    const worse = failures / after.window > (2 * (portFailures(before) ?? 0)) / before.window;
    return { verdict: worse ? "worse" : "unchanged", evidence };
  },
};

/** Of those that a rule makes small; `null`: there is none, `undefined`: the table could not be read. */
function fullestSpace(host: HostEvidence): PortSpace | null | undefined {
  const spaces = portSpaces(host);
  return spaces === undefined ? undefined : (spaces.find(({ small }) => small) ?? null);
}

function wide(): Observation {
  return { signal: "NAT rules with a range of ports", observed: "none", expected: "none" };
}

function narrow(rule: NatRule): Observation {
  const [first, last] = rule.ports ?? [0, 0];
  return {
    signal: `NAT rule (${rule.action}, ${rule.backend})`,
    observed: `ports ${first} to ${last}, ${whole(capacityOf(rule))} of them`,
    expected: `${whole(wholeRange)}: no range of its own`,
  };
}

function observe(host: HostEvidence, space: PortSpace): Observation {
  return {
    signal: `source ports in use, ${nameSpace(space)}`,
    observed: `${occupied(space)} that the rule allows (${percent(space.occupancy)}${sampled(host)})`,
    expected: `below ${percent(fillingUp)}`,
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
