import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Cost, costOf, costPage, sum } from "../../bench/cost.ts";
import { prices } from "../../bench/prices.ts";
import { root } from "../../build/layout.ts";
import { fleetAlarms } from "../../core/alarms/fleet.ts";
import { publishedMetrics } from "../../core/metrics.ts";

const withDefaults = costOf({ instances: 1, periodSeconds: 60 });
const quantityOf = ({ perInstance }: Cost, what: string) =>
  perInstance.find((line) => line.what.startsWith(what))?.quantity ?? Number.NaN;

test('docs/cost.md is what "npm run cost" prints', () => {
  expect(readFileSync(join(root, "docs", "cost.md"), "utf8")).toBe(costPage());
});

test("with the defaults one NAT instance stays under 5 dollars a month, with the whole stack for it alone", () => {
  expect(sum(withDefaults.perInstance) + sum(withDefaults.perStack)).toBeLessThan(5);
  expect(sum(costOf({ instances: 100, periodSeconds: 60 }).perInstance)).toBeLessThan(5);
});

test("what a stack costs by itself does not grow with the fleet", () => {
  const large = costOf({ instances: 100, periodSeconds: 60 });
  expect(large.perStack).toEqual(withDefaults.perStack);
  expect(sum(large.perStack)).toBeLessThan(3);
});

test("every published metric, and every alarm of the fleet, is in the sum", () => {
  const metrics = Object.values(publishedMetrics);
  // Those exist by the hour, and each has an alarm.
  const sparse = metrics.filter((metric) => "sparse" in metric).length;
  const byTheHour = sparse * 0.05;
  const published = quantityOf(withDefaults, "Metrics that the host publishes");
  expect(published).toBeCloseTo(metrics.length - sparse + byTheHour);
  expect(quantityOf(withDefaults, "Fleet alarms")).toBeCloseTo(fleetAlarms.length - sparse + byTheHour);
});

test("ten seconds cost more: six times the log, and an alarm of that pace", () => {
  const quick = costOf({ instances: 1, periodSeconds: 10 });
  const log = "Log of the published metrics";
  expect(quantityOf(quick, log)).toBeCloseTo(6 * quantityOf(withDefaults, log));
  expect(quick.perInstance.map(({ price }) => price)).toContain("highResolutionAlarmMetric");
  expect(withDefaults.perInstance.map(({ price }) => price)).not.toContain("highResolutionAlarmMetric");
});

test("every line is a quantity at a published price", () => {
  for (const { what, price, quantity, usd } of [...withDefaults.perInstance, ...withDefaults.perStack]) {
    expect(quantity, what).toBeGreaterThanOrEqual(0);
    expect(usd, what).toBeCloseTo(quantity * prices[price].usd);
  }
});
