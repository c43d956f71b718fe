import { expect, test } from "vitest";
import { callRates } from "../../bench/simulation/call-rates.ts";
import { quotas } from "../../bench/simulation/quotas.ts";

const quota = { refill: 2, bucket: 5, source: "" };

test("calls are counted by second, wherever in it they fall", () => {
  const rates = callRates();
  for (const at of [1000, 1999, 2000]) rates.note("a", at);
  rates.note("b", 5000, 7);
  expect([...rates.total()]).toEqual([
    ["a", 3],
    ["b", 7],
  ]);
  expect([rates.peak("a"), rates.peak("b"), rates.peak("c")]).toEqual([2, 7, 0]);
});

test("a bucket serves what came at once, then as much as it is refilled", () => {
  const rates = callRates();
  rates.note("a", 0, 8);
  rates.note("a", 1000, 3);
  rates.note("a", 2000, 2);
  // 5 of 8, then 2 of 3, then both.
  expect(rates.throttled("a", quota)).toEqual({ calls: 4 });
});

test("a pause fills the bucket, and no more than to its brim", () => {
  const rates = callRates();
  rates.note("a", 0, 5);
  rates.note("a", 60_000, 6);
  expect(rates.throttled("a", quota)).toEqual({ calls: 1 });
  expect(rates.throttled("never", quota)).toEqual({ calls: 0 });
});

test("no bucket is smaller than what it is refilled by, and each has a source", () => {
  for (const [what, { refill, bucket, source }] of Object.entries(quotas)) {
    expect(bucket, what).toBeGreaterThanOrEqual(refill);
    expect(source, what).not.toBe("");
  }
});
