/**
 * Which subnets have no working way to the NAT, or it none to the internet. A subnet without a default route is isolated
 * until the NAT's own table shows that it was not; what leads elsewhere (a NAT gateway, a transit gateway, an
 * egress-only gateway) is somebody's choice.
 */
import { liesIn } from "./address.ts";
import type { Severity } from "./cause.ts";
import {
  defaultDestination,
  defaultRouteOf,
  hasOtherWaysOut,
  natPath,
  routesOf,
} from "./evidence/nat-path.ts";
import type { Network, Route, Subnet } from "./evidence/network.ts";
import type { Evidence } from "./evidence.ts";
import { whole } from "./wording.ts";

export type RouteFault = {
  kind: "no-way-out" | "loop" | "blackhole" | "default-missing" | "other-zone";
  subnet: Subnet;
  /** The default route as it is; `null`: there is none. */
  route: Route | null;
  observed: string;
  expected: string;
  confidence: number;
  severity: Severity;
  /** Where it should lead: an interface, an internet gateway, or nowhere that we know. */
  target: { kind: "network-interface" | "internet-gateway"; id: string } | null;
};

/**
 * So many entries of a subnet without a default route in the NAT's table say that it had one. A monitor or a bastion
 * that talks to the NAT itself has a handful.
 */
const usedTheNat = 10;

/** `null` where AWS did not tell enough to know. */
export function routeFaults(evidence: Evidence): { faults: RouteFault[]; unknown: string[] } | null {
  const path = natPath(evidence.cloud);
  if (path === null) return null;
  const { network, outside, outsideSubnet, clients } = path;
  const inside = clients[0]?.inside.id ?? outside.id;
  const own = new Set(evidence.cloud.instance?.interfaces.map(({ id }) => id));
  const unknown = network.subnets.filter((subnet) => !isTableKnown(network, subnet)).map(({ id }) => id);
  if (outsideSubnet === null) unknown.push(outside.subnetId);
  const zone = outsideSubnet?.availabilityZone ?? null;
  const faults: RouteFault[] = [];
  for (const subnet of network.subnets) {
    if (!isTableKnown(network, subnet)) continue;
    // What is wrong with the NAT's own routes is told once, and clients cannot share them.
    if (subnet !== outsideSubnet && subnet.routeTableId === outsideSubnet?.routeTableId) continue;
    const context = { network, subnet, own, inside, zone };
    const fault = subnet === outsideSubnet ? faultOfNat(context) : faultOfClient(context, evidence);
    if (fault !== null) faults.push({ subnet, ...fault });
  }
  return { faults, unknown };
}

type Context = {
  network: Network;
  subnet: Subnet;
  own: ReadonlySet<string>;
  inside: string;
  /** Of the NAT. */
  zone: string | null;
};
type Fault = Omit<RouteFault, "subnet">;

const isTableKnown = ({ routeTables }: Network, { routeTableId }: Subnet) =>
  routeTables.some(({ id }) => id === routeTableId);

/** The NAT's own way to the internet. */
function faultOfNat({ network, subnet, own }: Context): Fault | null {
  const route = defaultRouteOf(network, subnet) ?? null;
  if (route === null && hasOtherWaysOut(network, subnet)) return null;
  const gateway = network.routeTables
    .flatMap(({ routes }) => routes)
    .find(({ target, blackhole }) => target === "internet-gateway" && !blackhole);
  const fault = {
    route,
    expected: "an internet gateway",
    confidence: 0.99,
    severity: "critical" as const,
    target: gateway === undefined ? null : { kind: "internet-gateway" as const, id: gateway.targetId },
  };
  if (route === null)
    return { ...fault, kind: "no-way-out", observed: "no default route for the NAT itself" };
  if (route.blackhole) {
    return {
      ...fault,
      kind: "no-way-out",
      observed: `the NAT's own default route is a blackhole (${route.targetId})`,
    };
  }
  if (own.has(route.targetId)) {
    return {
      ...fault,
      kind: "loop",
      observed: `the NAT's own default route leads back to it (${route.targetId})`,
    };
  }
  return null;
}

function faultOfClient(context: Context, evidence: Evidence): Fault | null {
  const { network, subnet, own, inside, zone } = context;
  const route = defaultRouteOf(network, subnet) ?? null;
  const here = { kind: "network-interface" as const, id: inside };
  const expected = `the NAT's interface ${inside}`;
  if (route === null) {
    const entries = entriesFrom(subnet, evidence);
    const leadsHere = routesOf(network, subnet).some(({ targetId }) => own.has(targetId));
    if (entries < usedTheNat || leadsHere || hasOtherWaysOut(network, subnet)) return null;
    const observed = `no default route, yet ${whole(entries)} entries of its clients are in the NAT's table`;
    return {
      kind: "default-missing",
      route,
      observed,
      expected,
      // Its entries may be of connections to the NAT itself.
      confidence: 0.8,
      severity: "critical",
      target: here,
    };
  }
  if (route.blackhole) return blackhole(route, context);
  if (!own.has(route.targetId) || subnet.availabilityZone === zone) return null;
  const local = natOfZone(network, subnet, own);
  if (local === undefined) return null;
  return {
    kind: "other-zone",
    route,
    observed: `a NAT in ${zone ?? "another zone"}, while its own zone ${subnet.availabilityZone} has ${local}`,
    expected: `the NAT of its own zone, ${local}`,
    confidence: 0.7,
    severity: "warning",
    target: { kind: "network-interface", id: local },
  };
}

function blackhole(route: Route, { subnet, own, inside, zone }: Context): Fault | null {
  const fault = {
    kind: "blackhole" as const,
    route,
    observed: `the default route is a blackhole (${route.targetId})`,
    expected: `the NAT's interface ${inside}`,
    target: { kind: "network-interface" as const, id: inside },
  };
  if (route.target === "nat-gateway") return { ...fault, confidence: 0.6, severity: "warning" };
  if (route.target !== "network-interface") return null;
  // It leads to this NAT, whose interface is down: another route would not help.
  if (own.has(route.targetId)) return { ...fault, confidence: 0.99, severity: "critical", target: null };
  // An instance that was replaced leaves its zone's routes behind; those of another zone are another NAT's.
  return subnet.availabilityZone === zone
    ? { ...fault, confidence: 0.99, severity: "critical" }
    : { ...fault, confidence: 0.8, severity: "warning" };
}

/** The interface that other subnets of the zone have as their NAT. */
function natOfZone(network: Network, subnet: Subnet, own: ReadonlySet<string>): string | undefined {
  return network.subnets
    .filter(({ id, availabilityZone }) => id !== subnet.id && availabilityZone === subnet.availabilityZone)
    .map((other) => defaultRouteOf(network, other))
    .find(
      (route) =>
        route?.target === "network-interface" &&
        route.instanceId !== null &&
        !route.blackhole &&
        !own.has(route.targetId),
    )?.targetId;
}

function entriesFrom({ cidr }: Subnet, { host }: Evidence): number {
  const sources = host.status === "read" ? (host.evidence.table?.sources ?? []) : [];
  return sources.filter(([address]) => liesIn(address, cidr)).reduce((sum, [, entries]) => sum + entries, 0);
}

/** How EC2's command line names a route. */
export const routeArguments = (tableId: string) =>
  `--route-table-id ${tableId} --destination-cidr-block ${defaultDestination}`;
