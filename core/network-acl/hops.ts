/**
 * The six times that packets between a client and a server on the internet meet a network ACL:
 *
 *     client --A--> [private subnet]  --B--> [NAT's subnet]  --C--> internet      requests, to the server's port
 *     client <--F-- [private subnet]  <--E-- [NAT's subnet]  <--D-- internet      answers, to an ephemeral port
 *
 * An ACL is asked only where a packet enters or leaves a subnet: a client in the NAT's own subnet meets C and D alone.
 */
import { type AddressRange, everyAddress, type Family, internetWithin, parseBlock } from "../address.ts";
import { type ClientSubnet, defaultDestination, type NatPath } from "../evidence/nat-path.ts";
import type { Network, NetworkAcl, Subnet } from "../evidence/network.ts";

export type HopName = "A" | "B" | "C" | "D" | "E" | "F";

export type Hop = {
  name: HopName;
  subnet: Subnet;
  acl: NetworkAcl;
  egress: boolean;
  /** Where the far end may be: the internet for A, C, D and F, the client's subnet for B and E. */
  addresses: AddressRange[];
  /** The same as a rule would say it. */
  cidr: string;
};

/** What one client subnet meets; `client` is `null` for the NAT's own connections. */
export type Way = { client: ClientSubnet | null; hops: Hop[] };

/** The ways to the NAT and through it, and the subnets whose ACL is not known. */
export function waysThrough(path: NatPath): { ways: Way[]; unknown: string[] } {
  const { network, outsideSubnet } = path;
  const unknown = new Set<string>();
  const meets = (subnet: Subnet | null, hops: readonly Omit<Hop, "subnet" | "acl">[]): Hop[] => {
    const acl = network.acls.find(({ id }) => id === subnet?.aclId);
    if (subnet !== null && acl !== undefined) return hops.map((hop) => ({ ...hop, subnet, acl }));
    unknown.add(subnet?.id ?? path.outside.subnetId);
    return [];
  };
  const starts = path.clients.length === 0 ? [null] : path.clients;
  const ways = starts.map((client): Way => {
    const destination = parseBlock(client?.destination ?? defaultDestination);
    // A prefix list has no addresses that we know: it may be any of IPv4.
    const internet = internetWithin(destination ?? everyAddress(4));
    const servers = {
      addresses: internet,
      cidr: destination === undefined ? defaultDestination : (client?.destination ?? defaultDestination),
    };
    const atNat = meets(outsideSubnet, [
      { name: "C", egress: true, ...servers },
      { name: "D", egress: false, ...servers },
    ]);
    if (client === null || client.subnet.id === client.inside.subnetId) return { client, hops: atNat };
    const inside = network.subnets.find(({ id }) => id === client.inside.subnetId) ?? null;
    const clients = clientsOf(client.subnet, network, destination?.family ?? 4);
    const atClient = meets(client.subnet, [
      { name: "A", egress: true, ...servers },
      { name: "F", egress: false, ...servers },
    ]);
    const between = meets(inside, [
      { name: "B", egress: false, ...clients },
      { name: "E", egress: true, ...clients },
    ]);
    const hops = [...atClient, ...between, ...atNat];
    return { client, hops: hops.sort((a, b) => a.name.localeCompare(b.name)) };
  });
  return { ways, unknown: [...unknown] };
}

/** Of a subnet's IPv6 block we only know that it is in the VPC's. */
function clientsOf({ cidr }: Subnet, { cidrs }: Network, family: Family) {
  const [block] = [cidr, ...cidrs].filter((candidate) => parseBlock(candidate)?.family === family);
  const addresses = block === undefined ? undefined : parseBlock(block);
  return { addresses: addresses === undefined ? [] : [addresses], cidr: block ?? "" };
}

const passage: Record<HopName, string> = {
  A: "requests out of the private subnet",
  B: "requests into the NAT's subnet",
  C: "requests from the NAT to the internet",
  D: "answers from the internet to the NAT",
  E: "answers from the NAT to its clients",
  F: "answers into the private subnet",
};

export const hopText = (name: HopName): string => `hop ${name}, ${passage[name]}`;
