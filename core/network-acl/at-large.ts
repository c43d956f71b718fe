import { type AddressRange, overlap, sizeOf } from "../address.ts";
import type { AclEntry } from "../evidence/network.ts";
import { type Cell, decide } from "../network-acl.ts";
import { intersection, type Ports } from "./ports.ts";

/** Ports that are denied, and the rule that does it to most of the addresses. */
export type DeniedPorts = { ports: Ports; rule: number };

/**
 * From here on a deny is of the internet (or of a subnet) as such; below, it is of particular addresses, which may
 * well be meant and matters only to who talks to them.
 */
const atLargeShare = 0.5;

export type Region = {
  protocol: number;
  ports: Ports;
  icmp: { type: number; code: number } | null;
  /** Where the far end may be: ranges of one family, the lowest first. */
  addresses: readonly AddressRange[];
};

/** The ports on which at least half of the addresses are denied. */
export function deniedAtLarge(
  entries: readonly AclEntry[],
  egress: boolean,
  { addresses, ...packets }: Region,
): DeniedPorts[] {
  const [lowest, highest] = [addresses[0], addresses.at(-1)];
  if (lowest === undefined || highest === undefined) return [];
  const all = sizeWithin(addresses, { ...lowest, last: highest.last });
  // Decided in one piece; what lies between the ranges then weighs nothing.
  const cells = decide(entries, egress, { ...packets, addresses: { ...lowest, last: highest.last } })
    .map((cell) => ({ ...cell, weight: sizeWithin(addresses, cell.addresses) }))
    .filter(({ weight }) => weight > 0n);
  const denied: { ports: [number, number]; rule: number }[] = [];
  for (const ports of slices(cells, packets.ports)) {
    const rule = ruleOfMost(cells, ports, all);
    const last = denied.at(-1);
    if (rule === undefined) continue;
    if (last !== undefined && last.rule === rule && last.ports[1] === ports[0] - 1) last.ports[1] = ports[1];
    else denied.push({ ports: [ports[0], ports[1]], rule });
  }
  return denied;
}

/** The rule that denies most addresses on these ports, if half of all are denied. */
function ruleOfMost(
  cells: readonly (Cell & { weight: bigint })[],
  ports: Ports,
  all: bigint,
): number | undefined {
  const byRule = new Map<number, bigint>();
  let sum = 0n;
  for (const cell of cells) {
    if (cell.allowed || intersection([cell.ports], ports).length === 0) continue;
    sum += cell.weight;
    byRule.set(cell.rule, (byRule.get(cell.rule) ?? 0n) + cell.weight);
  }
  if (Number(sum) < atLargeShare * Number(all)) return undefined;
  const [most] = [...byRule].sort((a, b) => (a[1] > b[1] ? -1 : 1));
  return most?.[0];
}

function slices(cells: readonly Cell[], [low, high]: Ports): Ports[] {
  const starts = [...new Set(cells.map(({ ports }) => ports[0]))].sort((a, b) => a - b);
  return starts.map((first, index): Ports => [Math.max(low, first), (starts[index + 1] ?? high + 1) - 1]);
}

function sizeWithin(ranges: readonly AddressRange[], part: AddressRange): bigint {
  return ranges.reduce((sum, range) => {
    const common = overlap(range, part);
    return common === undefined ? sum : sum + sizeOf(common);
  }, 0n);
}
