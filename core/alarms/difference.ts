/** What has to be done so that the alarms that are there become those that ought to be. */
import type { Alarm, KnownAlarm } from "./alarm.ts";

export type Difference = {
  /** In this order: a composite alarm names others, which have to be there. `replaces`: one of that name is there. */
  put: { alarm: Alarm; replaces: KnownAlarm | null }[];
  /** In this order: what a composite alarm names cannot go before it. */
  remove: KnownAlarm[];
};

/** `known`: the alarms with names of ours, of the instances that `desired` is about and of those that have none any more. */
export function difference(desired: readonly Alarm[], known: readonly KnownAlarm[]): Difference {
  const there = new Map(known.map((alarm) => [alarm.name, alarm]));
  const wanted = new Set(desired.map(({ name }) => name));
  const put = desired.flatMap((alarm) => {
    const replaces = there.get(alarm.name) ?? null;
    return isSame(alarm, replaces) ? [] : [{ alarm, replaces }];
  });
  const remove = known.filter(({ name }) => !wanted.has(name));
  return {
    put: put.toSorted((a, b) => Number(a.alarm.kind === "composite") - Number(b.alarm.kind === "composite")),
    remove: remove.toSorted((a, b) => Number(b.composite) - Number(a.composite)),
  };
}

const isSame = (alarm: Alarm, known: KnownAlarm | null): boolean =>
  known !== null && JSON.stringify(alarm, inOrder) === JSON.stringify(known.alarm, inOrder);

/** Fields by name, since CloudWatch gives dimensions back in an order of its own. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)));
}
