/**
 * SNAT port spaces: for one protocol, one NAT address, one destination address and port, each source port can serve one
 * connection. So the limit is per destination, and a NAT rule may make it smaller.
 */
import { liesIn, parseAddress } from "../address.ts";
import { whole } from "../wording.ts";
import { scaleToTable } from "./counters.ts";
import type { HostEvidence, NatRule } from "./host.ts";

/**
 * What the kernel chooses from without `--to-ports`, for clients that use ports from 1024 up: 1024 to 65535
 * (`nf_nat_l4proto_unique_tuple`; measured: 64,512 connections, and the next one fails).
 */
export const wholeRange = 64_512;
/**
 * From this part of a space on, random ports fail as often as kept ones: 5 % against 10 % here, 37 % against 27 % at
 * 99 % (measured). There are no free ones left to find.
 */
export const usedUp = 0.95;
/** A rule that leaves fewer than half of the ports is a limit that somebody made. */
const smallRange = wholeRange / 2;
/** An estimate this far above what a rule allows did not come about under that rule. */
const beyondDoubt = 1.1;
const withPorts: readonly string[] = ["tcp", "udp", "sctp", "dccp"];

export type PortSpace = {
  protocol: string;
  natAddress: string;
  address: string;
  port: number;
  /** Of the entries read. */
  read: number;
  /** Scaled to the whole table. */
  entries: number;
  /** Ports to choose from. */
  capacity: number;
  /** 0 to 1: entries of capacity. */
  occupancy: number;
  /** Whether a rule makes it less than half of what it could be. */
  small: boolean;
  /** The rule that made it, as far as can be told; `undefined`: the rules are unknown, or none fits. */
  rule: NatRule | undefined;
};

/** The fullest spaces by occupancy; `undefined` when the table could not be read. */
export function portSpaces(host: HostEvidence): PortSpace[] | undefined {
  if (host.table === null) return undefined;
  return host.table.destinations
    .filter(({ protocol }) => withPorts.includes(protocol))
    .filter((space) => !isOneHostItself(host, space.natAddress, space.entries))
    .map(({ protocol, natAddress, address, port, entries: read }) => {
      const entries = scaleToTable(host, read);
      const rule = rulesFor(host, { protocol, natAddress, address }).find(
        (candidate) => entries <= beyondDoubt * capacityOf(candidate),
      );
      const capacity = rule === undefined ? wholeRange : capacityOf(rule);
      const occupancy = entries / capacity;
      return {
        protocol,
        natAddress,
        address,
        port,
        read,
        entries,
        capacity,
        occupancy,
        small: capacity < smallRange,
        rule,
      };
    })
    .sort((a, b) => b.occupancy - a.occupancy);
}

/** Rules that leave fewer than half of the ports; `undefined` when the rules could not be read. */
export function smallRules({ rules }: HostEvidence): NatRule[] | undefined {
  return rules?.nat.filter((rule) => capacityOf(rule) < smallRange);
}

/** Whether new connections get random ports instead of their own; `undefined` when the rule is not known. */
export function isRandom({ rule }: PortSpace): boolean | undefined {
  // Both options make the kernel skip the client's own port (NF_NAT_RANGE_PROTO_RANDOM_ALL).
  return rule === undefined ? undefined : rule.random !== "no";
}

/** Who is behind it, for a sentence: `tcp from 10.0.0.5 to 192.0.2.7 port 443`. */
export function nameSpace({ protocol, natAddress, address, port }: PortSpace): string {
  return `${protocol} from ${natAddress} to ${address} port ${port}`;
}

export function capacityOf({ ports }: NatRule): number {
  return ports === null ? wholeRange : Math.max(1, ports[1] - ports[0] + 1);
}

/** How far the number of entries may be off, 0 to 1, 19 times of 20: nothing when the whole table was read. */
export function estimateError({ table }: HostEvidence, { read }: PortSpace): number {
  return table === null || table.complete || read === 0 ? 0 : 1.96 / Math.sqrt(read);
}

export function occupied(space: PortSpace): string {
  return `${whole(space.entries)} of ${whole(space.capacity)} ports`;
}

/** Traffic that is not translated keeps its own address, and its sender's own ports are the limit. */
function isOneHostItself({ table }: HostEvidence, natAddress: string, entries: number): boolean {
  return table?.sources.some(([address, held]) => address === natAddress && held >= entries) ?? false;
}

type Space = Pick<PortSpace, "protocol" | "natAddress" | "address">;

/** The rules that may have made a space, in their order; the first that matches is the one that counts. */
function rulesFor({ rules, table }: HostEvidence, { protocol, natAddress, address }: Space): NatRule[] {
  const sources = table?.sources.map(([source]) => source) ?? [];
  return (rules?.nat ?? []).filter(
    (rule) =>
      (rule.protocol === null || rule.protocol === protocol || rule.protocol === "all") &&
      (rule.destination === null || liesIn(address, rule.destination)) &&
      (rule.source === null ||
        sources.length === 0 ||
        sources.some((source) => liesIn(source, rule.source ?? source))) &&
      (rule.addresses === null || isBetween(rule.addresses, natAddress)),
  );
}

function isBetween([first, last]: readonly [string, string], address: string): boolean {
  const [low, high, given] = [parseAddress(first), parseAddress(last), parseAddress(address)];
  if (low === undefined || high === undefined || given === undefined) return false;
  return low.family === given.family && low.value <= given.value && given.value <= high.value;
}
