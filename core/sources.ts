/** Which private hosts behind the NAT are worth asking how near their own ports are to their end. */
import { scaleToTable } from "./evidence/counters.ts";
import type { HostReading } from "./evidence.ts";

/** 45 % of the 16,384 ports that Windows gives by default, the smallest range in use; rounded. */
export const leastEntries = 8_000;
/** Each is one command on one instance. */
const mostSources = 3;

export type HeavySource = { address: string; entries: number };

/**
 * A port is scarce only towards one destination, so it takes a destination with many entries and a source that could
 * hold them. By the NAT's own table: nobody is called for a network of small hosts.
 */
export function sourcesWorthAsking(host: HostReading): HeavySource[] {
  if (host.status === "unread" || host.evidence.table === null) return [];
  const { evidence } = host;
  const { destinations, sources } = host.evidence.table;
  const fullest = Math.max(0, ...destinations.map(({ entries }) => entries));
  if (scaleToTable(evidence, fullest) < leastEntries) return [];
  return sources
    .map(([address, entries]) => ({ address, entries: scaleToTable(evidence, entries) }))
    .filter(({ entries }) => entries >= leastEntries)
    .slice(0, mostSources);
}
