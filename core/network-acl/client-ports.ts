/** Which ports the clients behind the NAT may choose, and which ones the NAT. */
import { liesIn } from "../address.ts";
import { scaleToTable } from "../evidence/counters.ts";
import type { Subnet } from "../evidence/network.ts";
import type { Evidence } from "../evidence.ts";
import type { Ports } from "./ports.ts";

/** `usual`: the default of a common system, so that some client most likely has it. */
export type ClientKind = { who: string; ports: Ports; known: boolean; usual: boolean };

/** From 1024 on, a NAT on Linux may choose any port once a client's own is taken (get_unique_tuple, 4.14 to 6.12). */
export const natPorts: Ports = [1024, 65_535];

/** Where nobody could be asked: the defaults, and what AWS names for Lambda, load balancers and old systems. */
const unknownKinds: ClientKind[] = [
  { who: "clients with Linux's default range", ports: [32_768, 60_999], known: false, usual: true },
  { who: "clients with Windows' default range", ports: [49_152, 65_535], known: false, usual: true },
  { who: "clients that may use any port from 1024 on", ports: natPorts, known: false, usual: false },
];

/** Clients in one network are mostly set up alike: who holds this share of the entries speaks for the rest. */
const speaksForAll = 0.5;

/** What the clients of one subnet said of themselves, or else what they may be. */
export function kindsIn(subnet: Subnet | null, { host, sources }: Evidence): ClientKind[] {
  const inSubnet = (address: string) => subnet === null || liesIn(address, subnet.cidr);
  const read = sources.flatMap(({ address, entries, reading }) =>
    reading.status === "read" && inSubnet(address)
      ? [{ address, entries, ports: reading.evidence.portRange }]
      : [],
  );
  const asked = sum(read.map(({ entries }) => entries));
  if (read.length === 0 || asked < speaksForAll * entriesOf(inSubnet, host)) return unknownKinds;
  const kinds = new Map<string, ClientKind>();
  for (const { address, ports } of read) {
    const key = ports.join("-");
    const who = kinds.get(key)?.who;
    kinds.set(key, {
      who: who === undefined ? address : `${who}, ${address}`,
      ports,
      known: true,
      usual: true,
    });
  }
  return [...kinds.values()];
}

/** All entries of the table but those of ranked sources elsewhere: the others are few each, and may be many. */
function entriesOf(inSubnet: (address: string) => boolean, host: Evidence["host"]): number {
  if (host.status === "unread" || host.evidence.table === null) return 0;
  const { entries, sources } = host.evidence.table;
  const elsewhere = sum(sources.filter(([address]) => !inSubnet(address)).map(([, count]) => count));
  return scaleToTable(host.evidence, entries - elsewhere);
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

/** The share of connections whose port the NAT has to change, 0 to 1; all of them where its rule says "random". */
export function remappedShare({ host }: Evidence): number {
  if (host.status === "unread") return 0;
  const { table, rules } = host.evidence;
  if (rules?.nat.some(({ random }) => random !== "no")) return 1;
  if (table === null || table.remapped === null || table.entries === 0) return 0;
  return Math.min(1, table.remapped / table.entries);
}
