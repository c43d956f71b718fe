import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { rateDoubled, stackGrowth } from "../evidence/stack-counters.ts";
import { duration, percent, whole } from "../wording.ts";

const counter = "ip.FragFails";
/** A second. */
const leastRate = 1;
/** Packets that a connection has in flight before it can hear that they are too large: TCP's initial window, RFC 6928. */
const initialWindow = 10;
/** Seconds for which Linux remembers a path's size, `net.ipv4.route.mtu_expires`. */
const remembered = 600;
/**
 * Of all packets that clients sent on. A client that hears of the limit sends the same data again and goes on: 23 % when
 * each connection uploads no more than 20 kB to a destination of its own. One that does not hear of it sends in vain: 80 %.
 */
const mostlyInVain = 0.4;
/** The same where other traffic thins it, and connections stand still with data that nobody acknowledges. */
const partlyInVain = 0.05;
const stalledShare = 0.2;
const stalledConnections = 10;

/**
 * Packets with the don't-fragment bit are larger than the next link. The kernel drops each and tells the sender by ICMP;
 * where that is blocked, the sender repeats it until the connection dies.
 * A healthy path uses the same counter once for each path and then is quiet, so what counts is more of it than that can
 * need, next to little that gets through. Looks alike: path MTU discovery at work, QUIC that probes for larger packets.
 */
export const pathMtuBlackhole: Cause = {
  id: "path-mtu-blackhole",
  title: "Packets are too large for the path, and the word of it does not arrive",
  symptom: "Connections open, then hang with the first large packet.",
  fixes: ["clamp-mss", "open-network-acl"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    const tooLarge = stackGrowth(evidence, counter);
    if (tooLarge === undefined) return { verdict: "unknown", missing: "FragFails could not be read" };
    const seen = observe(evidence, tooLarge);
    const rate = tooLarge / evidence.window;
    if (rate < leastRate || rate <= discoveryRate(evidence)) return { verdict: "absent", evidence: seen };
    const share = shareOf(evidence, tooLarge);
    const mostly = share >= mostlyInVain;
    if (!mostly && !(share >= partlyInVain && connectionsStall(evidence)))
      return { verdict: "absent", evidence: seen };
    // With the segment size clamped, TCP does not send such packets.
    if (evidence.rules?.clampsMss === true) {
      return {
        verdict: "absent",
        evidence: [...seen, { signal: "segment size clamped", observed: "yes", expected: "yes" }],
      };
    }
    return {
      verdict: "present",
      confidence: mostly ? 0.85 : 0.7,
      severity: "critical",
      evidence: seen,
      advice: [
        "Let ICMP type 3 code 4 through to the clients: in this host's own OUTPUT and FORWARD rules, in the network ACLs of both subnets, and in the clients' firewalls.",
      ],
    };
  },

  verify(before, after) {
    const tooLarge = stackGrowth(after, counter);
    if (tooLarge === undefined) return { verdict: "unknown", evidence: [] };
    const evidence = observe(after, tooLarge);
    // Connections from before the clamp keep their segment size, and try on until they give up.
    const less = tooLarge / after.window < (stackGrowth(before, counter) ?? 0) / before.window / 2;
    if (tooLarge / after.window < leastRate || less) return { verdict: "better", evidence };
    return { verdict: rateDoubled(before, after, counter) ? "worse" : "unchanged", evidence };
  },
};

/** The most that path MTU discovery can need: each connection at its own path, learnt anew as often as it is forgotten. */
function discoveryRate({ table }: HostEvidence): number {
  const connections = table?.tcpStates.ESTABLISHED ?? 0;
  return (connections * initialWindow) / remembered;
}

/** ESTABLISHED entries with less than five minutes to live have data or a repeated segment unacknowledged. */
function connectionsStall({ table }: HostEvidence): boolean {
  const stalled = table?.establishedIdle.shortTimer ?? 0;
  return stalled >= stalledConnections && stalled >= stalledShare * (table?.tcpStates.ESTABLISHED ?? 0);
}

function shareOf(host: HostEvidence, tooLarge: number): number {
  const forwarded = stackGrowth(host, "ip.ForwDatagrams") ?? 0;
  return tooLarge === 0 ? 0 : tooLarge / (forwarded + tooLarge);
}

function observe(host: HostEvidence, tooLarge: number): Observation[] {
  const seen: Observation[] = [
    {
      signal: "packets too large to forward, that may not be cut (FragFails)",
      observed: `${whole(tooLarge)} in ${duration(host.window)}${tooLarge === 0 ? "" : `, ${percent(shareOf(host, tooLarge))} of what was to be forwarded`}`,
      expected: `below ${leastRate} a second, or what a new path needs once`,
    },
  ];
  const stalled = host.table?.establishedIdle.shortTimer ?? 0;
  if (tooLarge > 0) {
    const all = host.table?.tcpStates.ESTABLISHED ?? 0;
    seen.push({
      signal: "established connections with data that nobody acknowledged",
      observed: `${whole(stalled)} of ${whole(all)}`,
      expected: "few",
    });
    const mtus = (host.interfaces ?? []).map(({ name, mtu }) => `${name} ${mtu}`);
    if (mtus.length > 0)
      seen.push({ signal: "MTU by interface", observed: mtus.join(", "), expected: "the same, or clamped" });
  }
  return seen;
}
