/** Which instances a run over many works on, page by page. */
import fc from "fast-check";
import { expect, test } from "vitest";
import * as z from "zod/mini";
import {
  type Cursor,
  type FleetPage,
  FleetSelection,
  type FoundInstance,
  lookFor,
  pageOf,
  pageSize,
} from "../../core/fleet.ts";
import type { Place } from "../../core/place.ts";

const spoke: Place = { account: "222222222222", region: "us-east-1" };
const id = (n: number) => `i-${n.toString(16).padStart(17, "0")}`;
const running = (n: number, place: Place | null = null): FoundInstance => ({
  instanceId: id(n),
  state: "running",
  enrolled: true,
  place,
});
const selected = (given: object) => z.parse(FleetSelection, given);

/** All pages, as the machine asks for them; `world` is asked anew for each. */
function allPages(selection: FleetSelection, world: (page: number) => FoundInstance[]): FleetPage[] {
  const pages: FleetPage[] = [];
  let cursor: Cursor | null = null;
  do {
    const { places, ...look } = lookFor(selection, cursor);
    const found = world(pages.length)
      .filter(({ place }) => places.some((one) => one?.account === place?.account))
      .filter(({ instanceId }) => look.by === "tag" || look.instanceIds.includes(instanceId));
    const page = pageOf(selection, cursor, found);
    pages.push(page);
    cursor = page.cursor;
  } while (cursor !== null && pages.length < 1000);
  return pages;
}
const idsOf = (pages: FleetPage[]) => pages.flatMap(({ items }) => items.map(({ instanceId }) => instanceId));

test("a selection is instances, or a tag, or all; never nothing, never two of them", () => {
  for (const given of [
    {},
    { all: true, tag: { key: "a", value: "b" } },
    { instanceIds: [id(1)], all: true },
  ]) {
    expect(z.safeParse(FleetSelection, given).success, JSON.stringify(given)).toBe(false);
  }
  expect(selected({ all: true })).toEqual({ all: true, places: [null] });
});

test("every instance is on exactly one page, in the order of IDs, and no page is too long", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(5000), { maxLength: 900 }), (numbers) => {
      const world = numbers.map((n) => running(n));
      const pages = allPages(selected({ all: true }), () => world);
      expect(idsOf(pages)).toEqual(numbers.map(id).sort());
      for (const { items } of pages) expect(items.length).toBeLessThanOrEqual(pageSize);
    }),
    { numRuns: 50 },
  );
});

test("instances that come and go meanwhile: none is worked on twice, and those that stay are all worked on", () => {
  const first = Array.from({ length: 500 }, (_, n) => running(n * 2));
  const later = [...first.filter((_, n) => n % 3 !== 0), running(1), running(701)];
  const seen = idsOf(allPages(selected({ all: true }), (page) => (page === 0 ? first : later)));
  expect(new Set(seen).size).toBe(seen.length);
  const stayed = first.filter((_, n) => n % 3 !== 0).map(({ instanceId }) => instanceId);
  expect(stayed.every((one) => seen.includes(one))).toBe(true);
  expect(seen).toContain(id(701));
});

test("places come one after the other, also those that have nothing", () => {
  const selection = selected({ tag: { key: "team", value: "net" }, places: [null, spoke] });
  expect(lookFor(selection, { place: 1, after: "" })).toEqual({
    by: "tag",
    tag: { key: "team", value: "net" },
    places: [spoke],
  });
  const pages = allPages(selection, () => [running(7, spoke)]);
  expect(pages.map(({ items }) => items)).toEqual([[], [{ instanceId: id(7), place: spoke }]]);
});

test("what is not enrolled, not running or not there is left out by name, each with its reason", () => {
  const found: FoundInstance[] = [
    running(1),
    { ...running(2), enrolled: false },
    { ...running(3), state: "stopped" },
  ];
  const selection = selected({ instanceIds: [id(4), id(3), id(2), id(1), id(1)] });
  expect(pageOf(selection, null, found)).toEqual({
    items: [{ instanceId: id(1), place: null }],
    skipped: [
      { instanceId: id(2), place: null, why: "it lacks the tag nat-medic:enabled=true" },
      { instanceId: id(3), place: null, why: "it is stopped" },
      { instanceId: id(4), place: null, why: "EC2 knows no such instance here" },
    ],
    cursor: null,
  });
});

test("many instances by ID are asked for page by page, in all places at once", () => {
  const instanceIds = Array.from({ length: 450 }, (_, n) => id(n));
  const selection = selected({ instanceIds, places: [null, spoke] });
  const pages = allPages(selection, () => instanceIds.map((_, n) => running(n, n % 2 ? spoke : null)));
  expect(pages.map(({ items }) => items.length)).toEqual([200, 200, 50]);
  expect(pages.flatMap(({ skipped }) => skipped)).toEqual([]);
  expect(idsOf(pages)).toEqual(instanceIds);
});
