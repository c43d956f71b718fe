import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { parameter, rateDoubled, stackGrowth } from "../evidence/stack-counters.ts";
import { duration, percent, whole } from "../wording.ts";

const counter = "tcpext.IPReversePathFilter";
/** In one window: below it is a stray packet with a forged source, which the filter is there for. */
const strayPackets = 5;
/** Of what is forwarded. Forged packets from a VPC's own hosts stay far below, since EC2 itself checks sources. */
const criticalShare = 0.01;
/** Not `net.ipv4.conf.all.rp_filter` alone: the kernel takes the larger of that and the interface's own. */
const strict = 1;

/**
 * The kernel drops packets whose source it would not answer by the interface at which they came. With several interfaces
 * that hits real traffic.
 * Settled by `IPReversePathFilter` growing: the kernel counts nothing else there. Looks alike: loss in the network, a
 * network ACL, asymmetric routes that connection tracking minds (`invalid` grows).
 */
export const rpFilterDrops: Cause = {
  id: "rp-filter-drops",
  title: "Reverse path filtering drops packets",
  symptom: "Traffic of some networks fails always or by the way it takes; with several interfaces mostly.",
  fixes: ["loosen-rp-filter"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const dropped = stackGrowth(evidence, counter);
    if (dropped === undefined)
      return { verdict: "unknown", missing: "IPReversePathFilter could not be read" };
    const seen = observe(evidence, dropped);
    if (dropped < strayPackets) return { verdict: "absent", evidence: seen };
    const forwarded = stackGrowth(evidence, "ip.ForwDatagrams") ?? 0;
    const isStrict = strictInterfaces(evidence).length > 0;
    return {
      verdict: "present",
      // The loose filter drops too, but only what has no way back at all: then a route is missing.
      confidence: isStrict ? 0.95 : 0.7,
      severity: dropped >= criticalShare * (forwarded + dropped) ? "critical" : "warning",
      evidence: seen,
      advice: isStrict
        ? []
        : [
            "No interface that was read filters strictly, so these sources have no route back by any interface: look at `ip route` and `ip rule`.",
          ],
    };
  },

  verify(before, after) {
    const dropped = stackGrowth(after, counter);
    if (dropped === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, dropped);
    if (dropped < strayPackets) return { verdict: "better", evidence };
    return { verdict: rateDoubled(before, after, counter) ? "worse" : "unchanged", evidence };
  },
};

function strictInterfaces(host: HostEvidence): string[] {
  const all = parameter(host, "net.ipv4.conf.all.rp_filter") ?? 0;
  return Object.entries(host.parameters)
    .map(([name, [value = 0]]) => ({ name: /^net\.ipv4\.conf\.(.+)\.rp_filter$/.exec(name)?.[1], value }))
    .filter(({ name, value }) => name !== "all" && name !== "default" && Math.max(all, value) === strict)
    .flatMap(({ name }) => (name === undefined ? [] : [name]));
}

function observe(host: HostEvidence, dropped: number): Observation[] {
  const forwarded = stackGrowth(host, "ip.ForwDatagrams") ?? 0;
  const interfaces = strictInterfaces(host);
  return [
    {
      signal: "packets dropped by the reverse path filter",
      observed:
        `${whole(dropped)} in ${duration(host.window)}` +
        (dropped > 0 && forwarded > 0
          ? `, beside ${whole(forwarded)} forwarded (${percent(dropped / (forwarded + dropped))})`
          : ""),
      expected: `below ${strayPackets}`,
    },
    {
      signal: "interfaces that filter strictly (rp_filter 1)",
      observed: interfaces.length === 0 ? "none" : interfaces.join(", "),
      expected: "none on a NAT instance with several interfaces",
    },
  ];
}
