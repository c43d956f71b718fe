/** What was asked of AWS in which second, and what its quotas would have said to that. */
import type { Quota } from "./quotas.ts";

export type CallRates = {
  /** `at`: milliseconds since the epoch, of the simulated time. */
  note(what: string, at: number, count?: number): void;
  /** By name. */
  total(): Map<string, number>;
  /** The most in one second. */
  peak(what: string): number;
  /** A token bucket over these seconds: how many calls found it empty; those would be tried again. */
  throttled(what: string, quota: Quota): { calls: number };
};

export function callRates(): CallRates {
  const seconds = new Map<string, Map<number, number>>();
  const of = (what: string) => seconds.get(what) ?? new Map<number, number>();
  return {
    note: (what, at, count = 1) => {
      const mine = of(what);
      const second = Math.floor(at / 1000);
      mine.set(second, (mine.get(second) ?? 0) + count);
      seconds.set(what, mine);
    },
    total: () =>
      new Map(
        [...seconds]
          .map(([what, mine]): [string, number] => [what, [...mine.values()].reduce((a, b) => a + b, 0)])
          .toSorted(([a], [b]) => (a < b ? -1 : 1)),
      ),
    peak: (what) => [...of(what).values()].reduce((a, b) => Math.max(a, b), 0),
    throttled: (what, { refill, bucket }) => {
      let tokens = bucket;
      let last: number | undefined;
      let calls = 0;
      for (const [second, count] of [...of(what)].toSorted(([a], [b]) => a - b)) {
        tokens = Math.min(bucket, tokens + (last === undefined ? 0 : (second - last) * refill));
        const refused = Math.max(0, count - Math.floor(tokens));
        tokens -= count - refused;
        calls += refused;
        last = second;
      }
      return { calls };
    },
  };
}
