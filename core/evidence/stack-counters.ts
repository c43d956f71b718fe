/** Counters of the kernel's IP stack, as the collector prints them. */
import { growth } from "./counters.ts";
import type { HostEvidence } from "./host.ts";

/**
 * Growth over the window of a counter that a healthy host may never have moved: the collector leaves those out, so one
 * that is missing stands still where the statistics were read at all. `undefined`: they were not.
 */
export function stackGrowth(host: HostEvidence, counter: string): number | undefined {
  return growth(host, counter) ?? (host.counters["softnet.processed"] === undefined ? undefined : 0);
}

/** The one value of a kernel parameter. */
export function parameter(host: HostEvidence, name: string): number | undefined {
  return host.parameters[name]?.[0];
}

/** Whether a counter's rate more than doubled between two readings: then a change made it worse, whatever it does else. */
export function rateDoubled(before: HostEvidence, after: HostEvidence, counter: string): boolean {
  const then = (stackGrowth(before, counter) ?? 0) / before.window;
  const now = (stackGrowth(after, counter) ?? 0) / after.window;
  return now > 2 * then;
}
