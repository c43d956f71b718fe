/** Whether the utilisation of the instance's table is in CloudWatch. */
import type { CloudEvidence, MetricHistory } from "./cloud.ts";

export const utilizationMetric = "NatMedic/ConntrackUtilization";

/** Seconds without a data point, when one is due each minute; as the alarm of silence has it. */
const longSilence = 300;

export type Publication =
  /** Neither the alarm's own metric nor the watched one was readable. */
  { known: false } | { known: true; published: boolean; observed: string };

export function publicationOf({ metric, metrics, silentSeconds }: CloudEvidence): Publication {
  const histories = [metric, metrics[utilizationMetric]].filter(
    (history) => history?.name === utilizationMetric,
  );
  if (histories.length === 0) return { known: false };
  const points = Math.max(...histories.map((history) => history?.points.length ?? 0));
  if (points === 0) return { known: true, published: false, observed: "no data points" };
  if (silentSeconds !== null && silentSeconds > longSilence) {
    const minutes = Math.round(silentSeconds / 60);
    return {
      known: true,
      published: false,
      observed: `${points} data points, the last ${minutes} minutes ago`,
    };
  }
  return { known: true, published: true, observed: `${points} data points` };
}

/** Seconds from the last point until `now`; `null` where there is none. */
export function secondsSilent(history: MetricHistory | null | undefined, now: Date): number | null {
  const last = history?.points.at(-1)?.at;
  return last === undefined ? null : Math.max(0, Math.round(now.getTime() / 1000) - last);
}
