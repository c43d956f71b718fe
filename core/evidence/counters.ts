/** Reading the evidence's counters and shares. */
import { whole } from "../wording.ts";
import type { HostEvidence } from "./host.ts";

/** Growth of a counter over the collector's window; `undefined` when it could not be read. */
export function growth(host: HostEvidence, counter: string): number | undefined {
  return host.counters[counter]?.[1];
}

/**
 * New connections refused because the table was full, over the window. The kernel counts those in `drop` alone,
 * while a clash or an exhausted port range counts in `insert_failed` as well (measured on 6.1, 6.12, 6.18).
 */
export function tableFullDrops(host: HostEvidence): number | undefined {
  const drop = growth(host, "conntrack.drop");
  const insertFailed = growth(host, "conntrack.insert_failed");
  // A chain that is too long counts in insert_failed but not in drop.
  const chainTooLong = growth(host, "conntrack.chain_too_long") ?? 0;
  if (drop === undefined || insertFailed === undefined) return undefined;
  return Math.max(0, drop - Math.max(0, insertFailed - chainTooLong));
}

/**
 * New connections refused because the kernel found no free source port, or lost a race for one, over the window. Those
 * count in `drop` and `insert_failed` alike; a full table counts in `drop` alone, a long chain in `insert_failed` alone.
 */
export function portFailures(host: HostEvidence): number | undefined {
  const drop = growth(host, "conntrack.drop");
  const insertFailed = growth(host, "conntrack.insert_failed");
  const chainTooLong = growth(host, "conntrack.chain_too_long") ?? 0;
  if (drop === undefined || insertFailed === undefined) return undefined;
  return Math.max(0, Math.min(drop, insertFailed - chainTooLong));
}

/** How full the table is, 0 to 1 and a little above; `undefined` when it could not be read. */
export function utilization(host: HostEvidence): number | undefined {
  const { count, max } = host.conntrack;
  if (count === null || max === null || max === 0) return undefined;
  return count / max;
}

/** Scales a number of the entries read to the whole table. */
export function scaleToTable(host: HostEvidence, entriesRead: number): number {
  const { table, conntrack } = host;
  if (table === null || table.entries === 0 || table.complete) return entriesRead;
  return Math.round((entriesRead * (conntrack.count ?? table.entries)) / table.entries);
}

/**
 * What to say of a number that comes from a sample; nothing when the whole table was read.
 * The head of a dump is a uniform random sample, so a share is right within 1.96 standard errors, 19 times of 20.
 */
export function sampled({ table, conntrack }: HostEvidence): string {
  if (table === null || table.complete || table.entries === 0) return "";
  const error = (1.96 * 0.5 * 100) / Math.sqrt(table.entries);
  return `, by a sample of ${whole(table.entries)} of ${whole(conntrack.count ?? 0)} entries, +-${error.toFixed(1)} %`;
}
