/** A VPC can be far larger than what a state may carry; what this NAT instance has to do with comes first. */
import type { Network, Route, Subnet } from "./network.ts";

const mostSubnets = 100;
/** A state carries 256 KiB; host, metrics and diagnosis share it. */
const mostCharacters = 110_000;

export type Fitted = {
  /** `null` when even the NAT instance's own surroundings are too large. */
  network: Network | null;
  /** What was left out, for people; empty when nothing was. */
  leftOut: string[];
};

/** The instance's interfaces and their subnets tell which part of the VPC is its own. */
export function fitNetwork(
  network: Network,
  interfaces: readonly { id: string; subnetId: string }[],
): Fitted {
  const isOwn = ({ id }: Subnet) => interfaces.some(({ subnetId }) => subnetId === id);
  const isServed = ({ routeTableId }: Subnet) =>
    network.routeTables.some(
      ({ id, routes }) => id === routeTableId && routes.some((route) => leadsTo(route, interfaces)),
    );
  const concerned = network.subnets.filter((subnet) => isOwn(subnet) || isServed(subnet));
  const inOrder = [...concerned, ...network.subnets.filter((subnet) => !concerned.includes(subnet))];
  const most = Math.min(inOrder.length, mostSubnets);
  const all = withSubnets(network, inOrder.slice(0, most));
  if (fits(all)) return { network: all, leftOut: lostSubnets(network, all) };
  const lean = withMainRoutes(network);
  for (let count = most; count >= Math.min(concerned.length, most); count -= 1) {
    const part = withSubnets(lean, inOrder.slice(0, count));
    if (fits(part)) return { network: part, leftOut: lostSubnets(network, part) };
  }
  return { network: null, leftOut: [tooLarge] };
}

const fits = (network: Network) => JSON.stringify(network).length <= mostCharacters;

const tooLarge = "the VPC: its description is too large";

function lostSubnets(network: Network, fitting: Network): string[] {
  const lost = network.subnets.length - fitting.subnets.length;
  return lost === 0 ? [] : [`the VPC: ${lost} of ${network.subnets.length} subnets were left out`];
}

/** With the ACLs and route tables that hold for these subnets, and no others. */
function withSubnets(network: Network, subnets: Subnet[]): Network {
  return {
    ...network,
    subnets,
    acls: network.acls.filter(({ id }) => subnets.some(({ aclId }) => aclId === id)),
    routeTables: network.routeTables.filter(({ id }) =>
      subnets.some(({ routeTableId }) => routeTableId === id),
    ),
  };
}

/** With the routes that every table has, and those to instances. */
function withMainRoutes(network: Network): Network {
  const isMain = ({ destination, target }: Route) =>
    destination === "0.0.0.0/0" ||
    destination === "::/0" ||
    target === "local" ||
    target === "network-interface";
  return {
    ...network,
    routeTables: network.routeTables.map(({ id, routes }) => ({ id, routes: routes.filter(isMain) })),
  };
}

const leadsTo = ({ targetId }: Route, interfaces: readonly { id: string }[]) =>
  interfaces.some(({ id }) => id === targetId);
