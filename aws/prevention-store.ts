/**
 * What the daily look ahead finds, in the table of the incident store. Every function may be called again with the same
 * arguments.
 *
 * | pk                            | sk                         |                                         |
 * |-------------------------------|----------------------------|-----------------------------------------|
 * | prevention/<run ID>           | review/<place>/<instance>  | one look of that run                    |
 * | prevention-of/<place>/<inst.> | latest                     | the last look at that instance          |
 * | prevention                    | told                       | the last run that people were told of   |
 */
import * as z from "zod/mini";
import type { Place } from "../core/place.ts";
import { Review } from "../core/prevention/finding.ts";
import { getItem, type Key, putItem, queryItems } from "./dynamodb.ts";

/** An instance that is looked at each day needs its last look only; one that was off for a while finds it still. */
const latestDays = 30;
/** The reviews of a run are read once, when it ends. */
const runDays = 7;
const toldDays = 90;

type Instance = Pick<Review, "instanceId" | "place">;

const placeKey = (place: Place | null) => (place === null ? "here" : `${place.account}/${place.region}`);
const latestKey = ({ instanceId, place }: Instance): Key => ({
  pk: `prevention-of/${placeKey(place)}/${instanceId}`,
  sk: "latest",
});
const runKey = (runId: string) => `prevention/${runId}`;
const toldKey: Key = { pk: "prevention", sk: "told" };

/** `undefined` when there is none on record, or one that is of an older form. */
export async function latestReview(table: string, instance: Instance): Promise<Review | undefined> {
  return z.safeParse(Review, await getItem(table, latestKey(instance))).data;
}

/** For the run first: what is the latest is never missing in its run. There, without what only the next look needs. */
export async function keepReview(table: string, review: Review): Promise<void> {
  const sk = `review/${placeKey(review.place)}/${review.instanceId}`;
  const told = { ...review, pending: [], portUse: [] };
  await putItem(table, { pk: runKey(review.runId), sk }, told, runDays);
  await putItem(table, latestKey(review), review, latestDays);
}

/** All looks of one run. */
export async function reviewsOf(table: string, runId: string): Promise<Review[]> {
  const items = await queryItems(table, runKey(runId), "review/");
  return items.map((item) => z.parse(Review, item));
}

const Told = z.object({ runId: z.string(), at: z.string(), before: z.nullable(z.string()) });

/** When people were told of a run before this one, ISO 8601; `null`: never. */
export async function lastTold(table: string, runId: string): Promise<string | null> {
  const told = z.safeParse(Told, await getItem(table, toldKey)).data;
  if (told === undefined) return null;
  return told.runId === runId ? told.before : told.at;
}

/** `before`: what `lastTold` said, so that it says the same again for this run. */
export async function keepTold(
  table: string,
  { runId, at, before }: { runId: string; at: string; before: string | null },
): Promise<void> {
  await putItem(table, toldKey, { runId, at, before }, toldDays);
}
