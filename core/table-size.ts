/** How large a connection tracking table this host can and should have. */

import { utilization } from "./evidence/counters.ts";
import type { HostEvidence } from "./evidence/host.ts";

/**
 * What one entry costs, in bytes: 256 B slab and 128 B NAT extension measured on 6.1 to 6.18, 320 B and 128 B on
 * 4.14 and 5.10. The same bound is kept by the fix on the host, which has the last word.
 */
export const bytesPerEntry = 450;
/** A NAT instance does little else with its memory, but the agent, the kernel and packets need the rest. */
export const shareOfMemory = 0.25;
/** The kernel's own default above 1 GiB of RAM: small instances start far below it (4,096 on a t4g.nano). */
const sensibleSize = 65_536;
/** A table this full needs more room; below, only its hash may be wrong. */
const needsRoom = 0.7;

export type TableSize = { max: number; buckets: number };

/**
 * Four times the present limit, at least the kernel's default for a larger machine, at most what memory allows.
 * As many buckets as entries, like kernels since 5.15: short chains, and 8 bytes each.
 * Never below what is there; `undefined` when the host's limits or memory are unknown.
 */
export function tableSizeFor(host: HostEvidence): TableSize | undefined {
  const { max, buckets } = host.conntrack;
  const used = utilization(host);
  if (max === null || buckets === null || used === undefined) return undefined;
  const affordable = Math.floor((host.memory.availableKiB * 1024 * shareOfMemory) / (bytesPerEntry + 8));
  const wanted = used >= needsRoom ? Math.max(4 * max, sensibleSize) : max;
  const newMax = Math.max(max, Math.min(wanted, roundDown(affordable)));
  return { max: newMax, buckets: Math.max(buckets, roundDown(Math.min(newMax, affordable))) };
}

/** Whether the limit itself need not be raised. */
export function hasRoom(host: HostEvidence): boolean {
  return (utilization(host) ?? 1) < needsRoom;
}

/** The kernel rounds buckets up to a multiple of 512 (measured); going down keeps to the memory bound. */
function roundDown(value: number): number {
  return value - (value % 512);
}
