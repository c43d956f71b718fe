import type { HostEvidence } from "./host.ts";

export type Heaviest = {
  address: string;
  /** Of the entries read. */
  entries: number;
  /** What the source after it holds. */
  next: number;
  /** 0 to 1 of the entries read. */
  share: number;
};

/** The source with the most entries; `undefined` when the table could not be read. */
export function heaviestSource({ table }: HostEvidence): Heaviest | undefined {
  if (table === null) return undefined;
  const [first, second] = table.sources;
  if (first === undefined || table.entries === 0) return { address: "none", entries: 0, next: 0, share: 0 };
  const [address, entries] = first;
  return { address, entries, next: second?.[1] ?? 0, share: entries / table.entries };
}
