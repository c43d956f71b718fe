/** One run over many instances: which ones, page by page, and why not the others. */
import * as z from "zod/mini";
import { InstanceId } from "./incident.ts";
import { enrolTag } from "./opening.ts";
import { Place } from "./place.ts";
import { plainLine } from "./plain-text.ts";
import { Selection } from "./triage/by-hand.ts";

/** Small enough that a page with its results stays far below 256 KiB, the most that passes between states. */
export const pageSize = 200;

export const FleetSelection = z
  .extend(Selection, {
    /** Where to look; null is where the stack is, and the only place by default. */
    places: z._default(z.array(z.nullable(Place)).check(z.minLength(1), z.maxLength(100)), [null]),
  })
  .check(
    z.refine(
      ({ instanceIds, tag, all }) => [instanceIds, tag, all].filter((one) => one !== undefined).length === 1,
      "a selection is exactly one of instanceIds, tag and all",
    ),
  );
export type FleetSelection = z.infer<typeof FleetSelection>;

/** `diagnose`: an incident is opened for each, as by hand. `prevent`: each is looked at, and what will fail is reported. */
export const Purpose = z.enum(["diagnose", "prevent"]);

/** Null when everything was listed. `after`: the last instance ID of the page before. */
export const Cursor = z.object({ place: z.int().check(z.gte(0)), after: z.string() });
export type Cursor = z.infer<typeof Cursor>;

export const FleetItem = z.object({ instanceId: InstanceId, place: z.nullable(Place) });
export const Skipped = z.object({ instanceId: z.string(), place: z.nullable(Place), why: z.string() });
export type Skipped = z.infer<typeof Skipped>;

export const FleetPage = z.object({
  items: z.array(FleetItem),
  skipped: z.array(Skipped),
  cursor: z.nullable(Cursor),
});
export type FleetPage = z.infer<typeof FleetPage>;

/** `state`: as EC2 calls it. */
export type FoundInstance = { instanceId: string; state: string; enrolled: boolean; place: Place | null };

/** What EC2 is asked for: these IDs in all places, or what a tag finds in one place. */
export type Look =
  | { by: "ids"; instanceIds: string[]; places: (Place | null)[] }
  | { by: "tag"; tag: { key: string; value: string }; places: (Place | null)[] };

export function lookFor(selection: FleetSelection, cursor: Cursor | null): Look {
  const { instanceIds, tag = enrolTag, places } = selection;
  if (instanceIds !== undefined)
    return { by: "ids", instanceIds: idsOfPage(instanceIds, cursor).page, places };
  return { by: "tag", tag, places: places.slice(cursor?.place ?? 0).slice(0, 1) };
}

/**
 * The page after the cursor. It goes by the order of IDs, not by a token of EC2's: instances come and go while a page is
 * worked on for minutes, and none is then seen twice or left out.
 */
export function pageOf(
  selection: FleetSelection,
  cursor: Cursor | null,
  found: readonly FoundInstance[],
): FleetPage {
  const { instanceIds, places } = selection;
  if (instanceIds !== undefined) {
    const { page, rest } = idsOfPage(instanceIds, cursor);
    const unknown = page
      .filter((id) => !found.some(({ instanceId }) => instanceId === id))
      .map((instanceId) => ({ instanceId, place: null, why: "EC2 knows no such instance here" }));
    const judged = judge(found);
    const last = page.at(-1);
    return {
      items: judged.items,
      skipped: [...judged.skipped, ...unknown],
      cursor: rest === 0 || last === undefined ? null : { place: 0, after: last },
    };
  }
  const { place, after } = cursor ?? { place: 0, after: "" };
  const ahead = found.filter(({ instanceId }) => instanceId > after).toSorted(byId);
  const page = ahead.slice(0, pageSize);
  const last = page.at(-1);
  const more = ahead.length > page.length && last !== undefined;
  const next = place + 1 < places.length ? { place: place + 1, after: "" } : null;
  return { ...judge(page), cursor: more ? { place, after: last.instanceId } : next };
}

function idsOfPage(instanceIds: readonly string[], cursor: Cursor | null): { page: string[]; rest: number } {
  const after = cursor?.after ?? "";
  const ahead = [...new Set(instanceIds)].filter((id) => id > after).toSorted();
  return { page: ahead.slice(0, pageSize), rest: Math.max(0, ahead.length - pageSize) };
}

function judge(found: readonly FoundInstance[]): Pick<FleetPage, "items" | "skipped"> {
  const judged = found.toSorted(byId).map((instance) => ({ ...instance, why: obstacle(instance) }));
  return {
    items: judged.flatMap(({ instanceId, place, why }) => (why === null ? [{ instanceId, place }] : [])),
    skipped: judged.flatMap(({ instanceId, place, why }) =>
      why === null ? [] : [{ instanceId, place, why }],
    ),
  };
}

function obstacle({ state, enrolled }: FoundInstance): string | null {
  if (!enrolled) return `it lacks the tag ${enrolTag.key}=${enrolTag.value}`;
  return state === "running" ? null : `it is ${plainLine(state, 20)}`;
}

function byId(a: { instanceId: string }, b: { instanceId: string }): number {
  return a.instanceId < b.instanceId ? -1 : 1;
}

/** What a run came to. Of `failures` and `skipped` only the first are kept by name; the counts are of all. */
export const FleetRun = z.object({
  /** ISO 8601. */
  startedAt: z.string(),
  endedAt: z.string(),
  /** The run's own execution. */
  execution: z.string(),
  purpose: Purpose,
  /** Null: as stack and instance say. */
  mode: z.nullable(z.string()),
  counts: z.object({ done: z.int(), failed: z.int(), skipped: z.int() }),
  failures: z.array(
    z.object({
      instanceId: z.string(),
      place: z.nullable(Place),
      state: z.string(),
      error: z.string(),
      cause: z.string(),
    }),
  ),
  skipped: z.array(Skipped),
  /** Why the run itself ended before its time; null when it did not. */
  failure: z.nullable(z.object({ state: z.string(), error: z.string(), cause: z.string() })),
});
export type FleetRun = z.infer<typeof FleetRun>;
