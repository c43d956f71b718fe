/** What the ENA driver counts on behalf of EC2: packets beyond an allowance, queued or dropped outside the host. */
import type { Observation } from "../cause.ts";
import { duration, whole } from "../wording.ts";
import type { CloudEvidence, MetricHistory } from "./cloud.ts";
import { growth } from "./counters.ts";
import type { HostEvidence } from "./host.ts";

type Allowance = "bw_in" | "bw_out" | "pps" | "conntrack" | "linklocal";

/** Over all cards: since the driver was loaded, and over the collector's window. */
type Exceeded = { total: number; growth: number };

/** `undefined`: no card of this host counts it (no ethtool, another driver, or ENA before 2.2.10). */
export function exceeded({ counters }: HostEvidence, allowance: Allowance): Exceeded | undefined {
  const suffix = `.${allowance}_allowance_exceeded`;
  const found = Object.entries(counters).filter(([name]) => name.endsWith(suffix));
  if (found.length === 0) return undefined;
  return found.reduce<Exceeded>(
    // A driver that was reset meanwhile counts from zero again: no growth that we know of.
    (sum, [, [total, delta]]) => ({ total: sum.total + total, growth: sum.growth + Math.max(0, delta) }),
    { total: 0, growth: 0 },
  );
}

/** Connections that the security group layer still has room for: a gauge, by drivers since 2.8.1. */
export function availableConnections({ counters }: HostEvidence): number | undefined {
  const found = Object.entries(counters).filter(([name]) => name.endsWith(".conntrack_allowance_available"));
  // The allowance is the instance's, so every card says the same; the least is the safe one.
  return found.length === 0 ? undefined : Math.min(...found.map(([, [total]]) => total));
}

/** How the CloudWatch agent names what ethtool tells it. */
const agentMetric = (counter: string) => `ethtool_${counter}`;

/** The alarm's own metric, or another that was read, by the counter's name. */
export function agentHistory({ metric, metrics }: CloudEvidence, counter: string): MetricHistory | undefined {
  const isIt = ({ name }: MetricHistory) => name.endsWith(`/${agentMetric(counter)}`);
  return [...(metric === null ? [] : [metric]), ...Object.values(metrics)].find(isIt);
}

/** Growth of a cumulative metric over its last hour; a counter that starts again counts from there. */
export function recentGrowth(history: MetricHistory | undefined): number {
  const points = history?.points ?? [];
  const since = (points.at(-1)?.at ?? 0) - 3600;
  return points.reduce((sum, { at, value }, index) => {
    const before = points[index - 1]?.value;
    if (before === undefined || at <= since) return sum;
    return sum + (value >= before ? value - before : value);
  }, 0);
}

/**
 * Of the packets that this host forwards: one lost packet in a thousand already bounds a TCP connection over 50 ms to
 * about 9 Mbit/s (Mathis et al. 1997: 1.22 * MSS / (RTT * sqrt(loss))). Less than that is the odd burst.
 */
const shareThatHurts = 0.001;
/** In one window: a few packets that waited for a moment are the odd burst, however little is forwarded. */
const aFew = 10;

/** Whether so many packets beyond an allowance are more than the odd burst, against what is forwarded meanwhile. */
export function hurts(host: HostEvidence, packets: number): boolean {
  return packets >= aFew && packets >= shareThatHurts * (growth(host, "ip.ForwDatagrams") ?? 0);
}

/** One counter as a person reads it: growth now, and what there was before, which by itself is no finding. */
export function observeExceeded(host: HostEvidence, allowance: Allowance, history: number): Observation {
  const seen = exceeded(host, allowance);
  const past = history > 0 ? `, ${whole(history)} in the last hour by CloudWatch` : "";
  return {
    signal: `${allowance}_allowance_exceeded`,
    observed:
      seen === undefined
        ? `not counted by this host${past}`
        : `${whole(seen.growth)} in ${duration(host.window)}${past} (${whole(seen.total)} since the driver was loaded)`,
    expected: "0 now; what was before is history",
  };
}

/** IP fragments that this host made, per second. A NAT reassembles what it tracks and cuts it up again when it leaves. */
export function fragmentsPerSecond(host: HostEvidence): number {
  return Math.max(0, growth(host, "ip.FragCreates") ?? 0) / host.window;
}

/**
 * EC2 lets 1,024 fragments a second leave an interface and counts what is beyond as exceeded packets. Somewhat below,
 * because the window may hold a quiet moment.
 */
export const fragmentsAtTheCap = 900;
