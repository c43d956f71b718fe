import type { HostEvidence } from "./host.ts";

export type HalfOpenFlood = {
  /** The source of most entries without a reply. */
  address: string;
  /** Its entries without a reply, of the entries read. */
  entries: number;
  /** 0 to 1: entries without a reply, of all entries read. */
  unanswered: number;
  /** 0 to 1: that source's part of them. */
  share: number;
};

/** Above this share, questions without an answer fill the table rather than connections. */
export const muchUnanswered = 0.4;
/** Most of them come from one source. */
const mostly = 0.5;
/** One destination with this part of them is a server that is down, and not a scan. */
const dominates = 0.5;

/**
 * One source that asks many destinations which do not answer: a scan, a worm, a misled monitoring system.
 * `null`: there is none, `undefined`: the table could not be read.
 */
export function halfOpenFlood({ table }: HostEvidence): HalfOpenFlood | null | undefined {
  if (table === null) return undefined;
  const [first] = table.unrepliedSources;
  if (first === undefined || table.entries === 0) return null;
  const [address, entries] = first;
  const unanswered = table.unreplied / table.entries;
  const share = entries / Math.max(1, table.unreplied);
  if (unanswered < muchUnanswered || share < mostly) return null;
  // TCP has its own list of unanswered destinations; for the rest, no destination at all may stand out.
  const isTcp = (table.tcpStates.SYN_SENT ?? 0) >= table.unreplied / 2;
  const targets = isTcp ? table.unansweredDestinations : table.destinations;
  const busiest = new Map<string, number>();
  for (const target of targets) {
    busiest.set(target.address, (busiest.get(target.address) ?? 0) + target.entries);
  }
  if (Math.max(0, ...busiest.values()) >= dominates * table.unreplied) return null;
  return { address, entries, unanswered, share };
}
