import { type Cause, type Judgement, type Observation, unreadHost } from "../cause.ts";
import { growth } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { stackGrowth } from "../evidence/stack-counters.ts";
import { duration, percent, whole } from "../wording.ts";

/**
 * Of the packets that pass. A connection that is closed carelessly leaves one packet or two without a flow (a RST after
 * its entry ended, a FIN sent again); it takes at least five packets to live. So one in five is the most that careless
 * closing can reach, and only where every connection is as short as that.
 */
const invalidShare = 0.25;
/** A second. Scans from behind the NAT and late segments come in smaller numbers, or in bursts of one window. */
const invalidRate = 10;
/** Of TCP entries: picked up in the middle, and never answered. */
const oneSidedShare = 0.1;

/**
 * Connection tracking sees the answers of connections whose beginning went another way, or the other way round. It calls
 * what does not fit `invalid`; such packets are neither translated nor, with the usual firewall rule, let through.
 * What is seen here cannot tell whose route is wrong, so the confidence stays low. Looks alike: late segments of closed
 * connections, scans, a table that was flushed or taken over a moment ago, checksums that a card got wrong.
 */
export const asymmetricPath: Cause = {
  id: "asymmetric-path",
  title: "The NAT sees one direction of connections only",
  symptom: "Connections through it break after they opened, or at every failover.",
  fixes: ["repair-route"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    const { evidence } = host;
    if (!evidence.conntrack.loaded) {
      return { verdict: "unknown", missing: "the kernel tracks no connections", asked: false };
    }
    const invalid = growth(evidence, "conntrack.invalid");
    if (invalid === undefined)
      return { verdict: "unknown", missing: "the counter `invalid` could not be read" };
    const seen = observe(evidence, invalid);
    const often = invalid / evidence.window >= invalidRate && shareOf(evidence, invalid) >= invalidShare;
    if (!often) return { verdict: "absent", evidence: seen };
    const liberal = evidence.parameters["net.netfilter.nf_conntrack_tcp_be_liberal"]?.[0] === 1;
    return {
      verdict: "present",
      confidence: (oneSided(evidence) ?? 0) >= oneSidedShare ? 0.7 : 0.6,
      severity: "warning",
      evidence: seen,
      advice: [
        "To see whose they are: `iptables -I FORWARD -m conntrack --ctstate INVALID -m limit --limit 5/second -j LOG --log-prefix invalid:`, then `dmesg`; take it away again with -D.",
        "Then compare the route tables of both ends: the way there and the way back have to lead through the same NAT instance.",
        ...(liberal
          ? ["nf_conntrack_tcp_be_liberal is 1 already, so these are not merely out of a window."]
          : []),
      ],
    };
  },

  verify: null,
};

/** Dropped ones are not counted as forwarded, accepted ones are: the larger is a lower bound of what came. */
function shareOf(host: HostEvidence, invalid: number): number {
  const passed = Math.max(stackGrowth(host, "ip.ForwDatagrams") ?? 0, invalid);
  return passed === 0 ? 0 : invalid / passed;
}

/** The share of TCP entries that nothing answers although they are past SYN_SENT. */
function oneSided({ table }: HostEvidence): number | undefined {
  const tcp = table?.protocols.tcp ?? 0;
  if (table === null || tcp === 0) return undefined;
  // At most all others wait for an answer as well, so this errs on the side of too few.
  const elsewhere = (table.tcpStates.SYN_SENT ?? 0) + (table.entries - tcp);
  return Math.max(0, table.unreplied - elsewhere) / tcp;
}

function observe(host: HostEvidence, invalid: number): Observation[] {
  const seen: Observation[] = [
    {
      signal: "packets that belong to no connection (invalid)",
      observed: `${whole(invalid)} in ${duration(host.window)}${invalid === 0 ? "" : `, ${percent(shareOf(host, invalid))} of what passed`}`,
      expected: `below ${invalidRate} a second, or below ${percent(invalidShare)}`,
    },
  ];
  const share = oneSided(host);
  if (share !== undefined && share > 0) {
    seen.push({
      signal: "TCP connections picked up in the middle that nothing answers",
      observed: percent(share),
      expected: `below ${percent(oneSidedShare)}`,
    });
  }
  return seen;
}
