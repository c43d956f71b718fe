/** Where the host's CPU time goes, and what is left of its credits. */
import type { CloudEvidence } from "./cloud.ts";
import { growth } from "./counters.ts";
import type { HostEvidence } from "./host.ts";

/** Share of all CPU time over the window, 0 to 1; `undefined` when /proc/stat could not be read. */
export function cpuShare(host: HostEvidence, what: "idle" | "softirq" | "steal"): number | undefined {
  const total = growth(host, "cpu.total");
  if (total === undefined || total <= 0) return undefined;
  // The collector leaves out a counter that is zero and stays so.
  return Math.max(0, growth(host, `cpu.${what}`) ?? 0) / total;
}

/** A credit is a minute of one CPU: with less than one there is nothing left to spend. */
const noCredits = 1;
/** CPU credits are published every five minutes. */
const recentSeconds = 1200;

/**
 * `gone`: none left and none borrowed, so EC2 holds the CPU at its baseline. `borrowed`: none left, and unlimited mode
 * goes on for money. `left`: some. `undefined`: not burstable, or CloudWatch does not say.
 */
export function cpuCredits({ type, metrics }: CloudEvidence): "left" | "borrowed" | "gone" | undefined {
  if (type !== null && !type.burstable) return undefined;
  const balance = metrics["AWS/EC2/CPUCreditBalance"]?.points ?? [];
  const newest = balance.at(-1);
  if (newest === undefined) return undefined;
  const lately = balance.filter(({ at }) => at > newest.at - recentSeconds);
  if (lately.some(({ value }) => value >= noCredits)) return "left";
  const surplus = metrics["AWS/EC2/CPUSurplusCreditBalance"]?.points.at(-1)?.value ?? 0;
  return surplus > 0 ? "borrowed" : "gone";
}
