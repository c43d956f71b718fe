/** The room that is left in what runs out slowly: which daily figures tell it, and when the line through them ends. */
import type { CauseId, Observation } from "../cause.ts";
import type { MetricHistory } from "../evidence/cloud.ts";
import { portSpaces } from "../evidence/port-space.ts";
import type { HostReading } from "../evidence.ts";
import { metricNamespace, type PublishedMetric } from "../metrics.ts";
import { whole } from "../wording.ts";
import type { Due, PortUse, Unjudged } from "./finding.ts";
import { type DailyPoint, trendTowards } from "./trend.ts";

/** Whole days that are looked back on: twice a week, so that each day has the same one to compare with. */
export const daysBack = 14;

type Track = {
  /** What runs out, in the finding's key. */
  name: string;
  title: string;
  /** The cause that it becomes when the room is gone: its fixes are what to do before. */
  becomes: CauseId;
  /** The day's worst value of a published metric; `null`: what we have read ourselves, once a day. */
  metric: { name: PublishedMetric; stat: "Maximum" | "Minimum" } | null;
  limit: number;
  approach: "rising" | "falling";
  signal: string;
  show(value: number): string;
  expected: string;
};

const ofAHundred = (value: number) => `${value.toFixed(1)} %`;

/**
 * From this part of a SNAT port space on new connections fail, with random ports as with kept ones (measured: none at
 * 87 % with random ones, 0.8 % at 91 %).
 */
const portsUsedUp = 90;

export const tracks: readonly Track[] = [
  {
    name: "table",
    title: "The connection tracking table will be full",
    becomes: "conntrack-table-full",
    metric: { name: "ConntrackUtilization", stat: "Maximum" },
    limit: 100,
    approach: "rising",
    signal: "ConntrackUtilization, highest of each day",
    show: ofAHundred,
    expected: "below 100 %",
  },
  {
    name: "tracked-flows",
    title: "EC2 will have no room to track new connections of this instance",
    becomes: "ena-conntrack-exceeded",
    metric: { name: "EnaConntrackHeadroom", stat: "Minimum" },
    limit: 0,
    approach: "falling",
    signal: "EnaConntrackHeadroom, lowest of each day",
    show: (value) => `${whole(value)} connections`,
    expected: "above 0",
  },
  {
    name: "ports",
    title: "The source ports towards one destination will be used up",
    becomes: "snat-ports-exhausted",
    metric: null,
    limit: portsUsedUp,
    approach: "rising",
    signal: "ports in use towards the busiest destination, once a day",
    show: ofAHundred,
    expected: `below ${portsUsedUp} %`,
  },
];

/** The metrics to ask CloudWatch for, with the worst value of each day. */
export const headroomMetrics = (InstanceId: string) =>
  tracks.flatMap(({ metric }) =>
    metric === null ? [] : [{ namespace: metricNamespace, ...metric, dimensions: { InstanceId } }],
  );

/** With the present look added; of a day's looks the highest counts. */
export function portUseOf(host: HostReading, before: readonly PortUse[], now: number): PortUse[] {
  const spaces = host.status === "unread" ? undefined : portSpaces(host.evidence);
  const dayOf = ({ at }: PortUse) => Math.floor(at / 86_400);
  // A host without any such connection has all ports free.
  const seen = spaces === undefined ? [] : [{ at: now, percent: 100 * (spaces[0]?.occupancy ?? 0) }];
  const byDay = Map.groupBy([...before, ...seen], dayOf);
  return [...byDay.values()]
    .flatMap((uses) => uses.toSorted((a, b) => b.percent - a.percent)[0] ?? [])
    .filter(({ at }) => at > now - (daysBack + 1) * 86_400)
    .sort((a, b) => a.at - b.at);
}

export type Shrinking = { track: Track; key: string; due: Due; observation: Observation };

/** `histories`: one value per day, as asked for by `headroomMetrics`. `now`: Unix seconds. */
export function shrinkingHeadroom(
  histories: readonly MetricHistory[],
  portUse: readonly PortUse[],
  { now, horizonDays }: { now: number; horizonDays: number },
): { shrinking: Shrinking[]; unjudged: Unjudged[] } {
  const shrinking: Shrinking[] = [];
  const unjudged: Unjudged[] = [];
  for (const track of tracks) {
    const { name, limit, approach, signal, show, expected } = track;
    const key = `headroom-shrinking/${name}`;
    const points = pointsOf(track, histories, portUse);
    if (points === undefined) {
      unjudged.push({ key, missing: "CloudWatch could not be asked" });
      continue;
    }
    // Older drivers do not tell the headroom, and a host that is not watched has a finding for that.
    if (points.length === 0) continue;
    const trend = trendTowards(points, { limit, approach, now, horizonDays });
    if (trend.verdict === "unknown") unjudged.push({ key, missing: trend.missing });
    if (trend.verdict !== "nearing") continue;
    const { value, perDay, daysLeft, days } = trend;
    const day = new Date((now + daysLeft * 86_400) * 1000).toISOString().slice(0, 10);
    const change = `${show(perDay)} ${approach === "rising" ? "more" : "less"} each day`;
    shrinking.push({
      track,
      key,
      due: { when: "on-a-day", day, days: daysLeft },
      observation: { signal, observed: `${show(value)} by now, ${change} (of ${days} days)`, expected },
    });
  }
  return { shrinking, unjudged };
}

/** `undefined`: could not be read. */
function pointsOf(
  { metric }: Track,
  histories: readonly MetricHistory[],
  portUse: readonly PortUse[],
): readonly DailyPoint[] | undefined {
  if (metric === null) return portUse.map(({ at, percent }) => ({ at, value: percent }));
  return histories.find(({ name }) => name === `${metricNamespace}/${metric.name}`)?.points;
}
