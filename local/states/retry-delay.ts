import type { Retrier } from "./schema.ts";

type Policy = Pick<Retrier, "IntervalSeconds" | "BackoffRate" | "MaxDelaySeconds" | "JitterStrategy">;

/**
 * Seconds to wait before a retry: IntervalSeconds, multiplied by BackoffRate for every earlier retry, at most
 * MaxDelaySeconds; with full jitter a random share of that.
 * @param earlier retries that this retrier has already made in this visit of the state
 * @param random a number in [0, 1)
 */
export function retryDelay(policy: Policy, earlier: number, random: () => number): number {
  const grown = policy.IntervalSeconds * policy.BackoffRate ** earlier;
  const delay = Math.min(grown, policy.MaxDelaySeconds ?? longestWaitSeconds);
  return policy.JitterStrategy === "FULL" ? delay * random() : delay;
}

/** An execution lasts at most a year ("Maximum execution time" in the quotas), so no longer delay can matter. */
const longestWaitSeconds = 31_536_000;
