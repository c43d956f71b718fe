/** What the kernel says of fragments that it could not put together. */
import type { HostEvidence } from "./host.ts";
import { parameter, stackGrowth } from "./stack-counters.ts";

export const failed = "ip.ReasmFails";
/** In one window: fewer are strays of the internet. */
export const strayFailures = 5;
/** Of ipfrag_high_thresh, above all of which the kernel takes no new fragment: it wavers below that when it is read. */
export const memoryNearlyFull = 0.75;

/** Failures for want of memory come at once; those for want of a fragment are counted as timeouts too. */
export function wantsMemory(host: HostEvidence): boolean {
  const atOnce = (stackGrowth(host, failed) ?? 0) - (stackGrowth(host, "ip.ReasmTimeout") ?? 0);
  return atOnce >= strayFailures && (memoryUsed(host) ?? 0) >= memoryNearlyFull;
}

/** Of what reassembly may use. */
export function memoryUsed(host: HostEvidence): number | undefined {
  const used = host.gauges["frag.memory"];
  const limit = parameter(host, "net.ipv4.ipfrag_high_thresh");
  return used === undefined || limit === undefined || limit === 0 ? undefined : used / limit;
}
