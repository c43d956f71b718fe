/**
 * What a network ACL does to a region of packets: all addresses and all ports at once, not one packet at a time.
 * Per direction the rules are tried by number and the first that matches decides; nothing is remembered of a flow.
 * IPv4 and IPv6 have their own rules. Ports are the packet's destination ports, in both directions.
 */
import { type AddressRange, overlap, parseBlock } from "./address.ts";
import type { AclEntry } from "./evidence/network.ts";
import type { Ports } from "./network-acl/ports.ts";

export const tcp = 6;
export const udp = 17;
export const icmp = 1;
export const icmpv6 = 58;

/** A region of packets. `addresses` are the far end's: the source of what comes in, the destination of what goes out. */
export type Packets = {
  protocol: number;
  addresses: AddressRange;
  /** Destination ports of TCP and UDP; for others one value that no rule looks at. */
  ports: Ports;
  /** ICMP and ICMPv6 only. */
  icmp: { type: number; code: number } | null;
};

/** A part of the region that one rule decides. */
export type Cell = { addresses: AddressRange; ports: Ports; allowed: boolean; rule: number };

/** The last rule of each family, which denies whatever none before it matched. EC2 lists it under these numbers. */
export const defaultRule = { 4: 32_767, 6: 32_768 } as const;

/** The region cut at every prefix and every port boundary of the rules, each cell decided by its first match. */
export function decide(entries: readonly AclEntry[], egress: boolean, packets: Packets): Cell[] {
  const rules = rulesFor(entries, egress, packets);
  const cells: Cell[] = [];
  for (const addresses of slicesOf(packets.addresses, rules)) {
    let last: Cell | undefined;
    const here = rules.filter(({ block }) => overlap(block, addresses) !== undefined);
    for (const ports of cut(packets.ports, here)) {
      const rule = here.find((candidate) => covers(candidate.ports, ports));
      const number = rule?.number ?? defaultRule[addresses.family];
      const allowed = rule?.allowed ?? false;
      if (last !== undefined && last.rule === number && last.allowed === allowed) {
        last.ports = [last.ports[0], ports[1]];
      } else {
        last = { addresses, ports, allowed, rule: number };
        cells.push(last);
      }
    }
  }
  return cells;
}

type Rule = { number: number; allowed: boolean; block: AddressRange; ports: Ports };

/** Those that could match something of the region, the first to be tried first. */
function rulesFor(entries: readonly AclEntry[], egress: boolean, packets: Packets): Rule[] {
  return entries
    .filter((entry) => entry.egress === egress && speaksOf(entry, packets))
    .flatMap((entry) => {
      const cidr = parseBlock(entry.cidr);
      const block = cidr && overlap(cidr, packets.addresses);
      if (block === undefined) return [];
      // "All protocols" means all ports, whatever else the rule says.
      const ports = (entry.protocol === null ? null : entry.ports) ?? packets.ports;
      return [{ number: entry.number, allowed: entry.action === "allow", block, ports }];
    })
    .sort((a, b) => a.number - b.number);
}

const any = -1;

function speaksOf({ protocol, icmp: wanted }: AclEntry, packets: Packets): boolean {
  if (protocol === null) return true;
  if (protocol !== packets.protocol) return false;
  if (wanted === null || packets.icmp === null) return true;
  const { type, code } = packets.icmp;
  return (wanted.type === any || wanted.type === type) && (wanted.code === any || wanted.code === code);
}

function slicesOf(addresses: AddressRange, rules: readonly Rule[]): AddressRange[] {
  const starts = new Set([addresses.first]);
  for (const { block } of rules) {
    starts.add(block.first);
    if (block.last < addresses.last) starts.add(block.last + 1n);
  }
  const sorted = [...starts].sort((a, b) => (a < b ? -1 : 1));
  return sorted.map((first, index) => {
    const next = sorted[index + 1];
    return { family: addresses.family, first, last: next === undefined ? addresses.last : next - 1n };
  });
}

function cut([low, high]: Ports, rules: readonly Rule[]): Ports[] {
  const starts = new Set([low]);
  for (const { ports } of rules) {
    for (const start of [ports[0], ports[1] + 1]) if (start > low && start <= high) starts.add(start);
  }
  const sorted = [...starts].sort((a, b) => a - b);
  return sorted.map((first, index) => [first, (sorted[index + 1] ?? high + 1) - 1]);
}

const covers = (outer: Ports, inner: Ports) => outer[0] <= inner[0] && inner[1] <= outer[1];
