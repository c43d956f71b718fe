/** Time series of an alarm: values by period. */
import type { MetricPoint } from "../endpoint/metric-series.ts";
import { ExpressionNotKnown } from "./expression-error.ts";

/** The periods that are looked at, all of the same length, the last one ending at `end`. Milliseconds. */
export type Grid = { end: number; periodMs: number; count: number };

/** By the number of the period, 0 being the oldest; a period without data has no value. */
export type TimeSeries = ReadonlyMap<number, number>;

export const beginOf = ({ end, periodMs, count }: Grid, slot: number): Date =>
  new Date(end - (count - slot) * periodMs);

/** One value per period that has a measurement. `stat` is one of `statistics`. */
export const bucketed = (points: readonly MetricPoint[], grid: Grid, stat: string): TimeSeries => {
  const aggregate = statistics.get(stat);
  if (aggregate === undefined) throw new ExpressionNotKnown(`statistic ${stat}`);
  const first = grid.end - grid.count * grid.periodMs;
  const slots = new Map<number, number[]>();
  for (const { at, value } of points) {
    const slot = Math.floor((at.getTime() - first) / grid.periodMs);
    if (slot < 0 || slot >= grid.count) continue;
    const values = slots.get(slot);
    if (values === undefined) slots.set(slot, [value]);
    else values.push(value);
  }
  return new Map([...slots].map(([slot, values]) => [slot, aggregate(values)]));
};

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const least = (values: readonly number[]): number => values.reduce((a, b) => Math.min(a, b));
const most = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));

export const statistics: ReadonlyMap<string, (values: readonly number[]) => number> = new Map([
  ["Average", (values) => sum(values) / values.length],
  ["Sum", sum],
  ["Minimum", least],
  ["Maximum", most],
  ["SampleCount", (values) => values.length],
]);
