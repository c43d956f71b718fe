/** One look at the whole fleet, and whether people should hear of it. */
import * as z from "zod/mini";
import { FleetRun } from "../fleet.ts";
import type { Finding, Review } from "./finding.ts";

/** What the run over the fleet says of itself. */
export const RunSoFar = z.pick(FleetRun, { counts: true, failures: true, skipped: true });

export type PreventionRun = z.infer<typeof RunSoFar> & {
  runId: string;
  /** ISO 8601. */
  at: string;
  reviews: readonly Review[];
  /** When people heard of a run before this one, ISO 8601; `null`: never. */
  lastToldAt: string | null;
};

export const isNew = ({ since }: Finding, { at }: Review) => since === at;

/** What is nearer than this is said every day until somebody has seen to it. */
const urgentDays = 7;
/** A run a day that may start an hour early or late. */
const weekSeconds = 6.5 * 86_400;

/**
 * A message a day that says the same is not read for long: so there is one when something is new, gone, urgent or could
 * not be looked at, and else one a week, which is the sign of life.
 */
export function isWorthTelling({ at, counts, reviews, lastToldAt }: PreventionRun): boolean {
  if (lastToldAt === null || counts.failed > 0) return true;
  if ((Date.parse(at) - Date.parse(lastToldAt)) / 1000 >= weekSeconds) return true;
  return reviews.some(
    (review) =>
      review.gone.length > 0 ||
      review.findings.some((finding) => isNew(finding, review) || isUrgent(finding)),
  );
}

function isUrgent({ due }: Finding): boolean {
  return due.when === "now" || (due.when === "on-a-day" && due.days <= urgentDays);
}
