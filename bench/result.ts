/** What a part of the benchmark found out. */
export type Result =
  | { title: string; skipped: string }
  | {
      title: string;
      /** How it was measured, a line each. */
      method: string[];
      /** One key per column, the same in every row; a number with its unit in the key. */
      rows: Record<string, string | number>[];
      targets: Target[];
    };

/** Something to be at most so much. */
export type Target = { what: string; measured: number; limit: number; unit: string };

/** @throws RangeError for no values. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(sorted.length / 2) - 1], sorted[Math.floor(sorted.length / 2)]];
  if (low === undefined || high === undefined) throw new RangeError("nothing was measured");
  return (low + high) / 2;
}
