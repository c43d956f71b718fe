/** What has to be done so that the alarms that are there become those that ought to be. */
import type { Alarm, KnownAlarm } from "./alarm.ts";
import { instanceIn } from "./names.ts";

/**
 * To be done in the order of the fields, and of each list: what a composite alarm names has to be there when it is written,
 * and cannot go before it.
 */
export type Difference = {
  /** Of instances that are to have none any more: they would go off soon. */
  remove: KnownAlarm[];
  /** `replaces`: one of that name is there. */
  put: { alarm: Alarm; replaces: KnownAlarm | null }[];
  /** What instances that keep others have no more: a composite alarm that is written anew does not name it by now. */
  removeAfter: KnownAlarm[];
};

/** `known`: the alarms with names of ours, of the instances that `desired` is about and of those that have none any more. */
export function difference(desired: readonly Alarm[], known: readonly KnownAlarm[]): Difference {
  const there = new Map(known.map((alarm) => [alarm.name, alarm]));
  const wanted = new Set(desired.map(({ name }) => name));
  const put = desired.flatMap((alarm) => {
    const replaces = there.get(alarm.name) ?? null;
    return isSame(alarm, replaces) ? [] : [{ alarm, replaces }];
  });
  const kept = new Set(desired.map(({ name }) => instanceIn(name)));
  const surplus = known
    .filter(({ name }) => !wanted.has(name))
    .toSorted((a, b) => Number(b.composite) - Number(a.composite));
  const { remove = [], removeAfter = [] } = Object.groupBy(surplus, ({ name }) =>
    kept.has(instanceIn(name)) ? "removeAfter" : "remove",
  );
  const last = ({ alarm }: Difference["put"][number]) => Number(alarm.kind === "composite");
  return { remove, put: put.toSorted((a, b) => last(a) - last(b)), removeAfter };
}

const isSame = (alarm: Alarm, known: KnownAlarm | null): boolean =>
  known !== null && JSON.stringify(alarm, inOrder) === JSON.stringify(known.alarm, inOrder);

/** Fields by name, since CloudWatch gives dimensions back in an order of its own. */
function inOrder(_: string, value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => a.localeCompare(b)));
}
