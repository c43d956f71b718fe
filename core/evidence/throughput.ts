/** What goes through the instance, by CloudWatch, against what its type may carry. */
import type { CloudEvidence, MetricHistory } from "./cloud.ts";

/** EC2 publishes bytes per minute with detailed monitoring, and per five minutes in one point without. */
const bitsPerByte = 8;
const recentSeconds = 3600;

/**
 * The busiest time of the last hour in Gbit/s, in the busier direction; `undefined` when CloudWatch has no data.
 * Each direction has the type's whole bandwidth ("up to 10 Gbps inbound and, simultaneously, outbound"), and on a NAT
 * each carries everything: what clients send and what they receive, once in and once out.
 */
export function peakGbps({ metrics }: CloudEvidence): number | undefined {
  const directions = ["NetworkIn", "NetworkOut"]
    .map((name) => peakRate(metrics[`AWS/EC2/${name}`]))
    .filter((rate) => rate !== undefined);
  return directions.length === 0 ? undefined : (Math.max(...directions) * bitsPerByte) / 1e9;
}

/** Packets per second of both directions at the busiest time of the last hour. */
export function peakPackets({ metrics }: CloudEvidence): number | undefined {
  const [into, out] = ["NetworkPacketsIn", "NetworkPacketsOut"].map((name) =>
    peakRate(metrics[`AWS/EC2/${name}`]),
  );
  return into === undefined && out === undefined ? undefined : (into ?? 0) + (out ?? 0);
}

/** Per second. A point holds the sum since the one before it: a minute, or five. */
function peakRate(history: MetricHistory | undefined): number | undefined {
  const points = history?.points ?? [];
  const newest = points.at(-1)?.at;
  if (newest === undefined) return undefined;
  const rates = points
    .filter(({ at }) => at > newest - recentSeconds)
    .map(({ value }) => value / pointSeconds(points));
  return Math.max(...rates);
}

/** The least distance of two points: gaps are minutes without data, not long points. */
function pointSeconds(points: MetricHistory["points"]): number {
  const distances = points.slice(1).map(({ at }, index) => at - (points[index]?.at ?? at));
  const shortest = Math.min(300, ...distances.filter((distance) => distance > 0));
  return points.length < 2 ? 300 : shortest;
}
