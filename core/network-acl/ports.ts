/** Sets of ports, as ranges with both ends included. */
export type Ports = readonly [number, number];

export const portCount = (ranges: readonly Ports[]): number =>
  ranges.reduce((sum, [low, high]) => sum + high - low + 1, 0);

/** Sorted, and joined where they touch. */
export function union(ranges: readonly Ports[]): Ports[] {
  const joined: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = joined.at(-1);
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else joined.push([low, high]);
  }
  return joined;
}

export function intersection(ranges: readonly Ports[], [low, high]: Ports): Ports[] {
  return ranges
    .map(([from, to]): Ports => [Math.max(from, low), Math.min(to, high)])
    .filter(([from, to]) => from <= to);
}

/** Which part of `wanted` the ranges, which do not overlap, take up: 0 to 1. */
export const shareOf = (ranges: readonly Ports[], wanted: Ports): number =>
  portCount(intersection(ranges, wanted)) / portCount([wanted]);

export const portText = ([low, high]: Ports): string => (low === high ? String(low) : `${low}-${high}`);
