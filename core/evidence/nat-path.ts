/** Which way packets take through the VPC: from the subnets whose routes lead to the NAT, and from it to the internet. */
import { internetWithin, parseBlock } from "../address.ts";
import type { CloudEvidence, NetworkInterface } from "./cloud.ts";
import type { Network, Route, Subnet } from "./network.ts";

/** One subnet's way to the NAT, by one route. */
export type ClientSubnet = {
  subnet: Subnet;
  /** What the route is for, usually `0.0.0.0/0`. */
  destination: string;
  /** Where packets reach the NAT. */
  inside: NetworkInterface;
};

export type NatPath = {
  network: Network;
  /** The interface through which the NAT itself reaches the internet, and its subnet. */
  outside: NetworkInterface;
  outsideSubnet: Subnet | null;
  clients: ClientSubnet[];
};

/** `null` where AWS did not tell enough to know. */
export function natPath({ instance, network }: CloudEvidence): NatPath | null {
  if (instance === null || network === null) return null;
  const outside = outsideOf(instance.interfaces);
  if (outside === undefined) return null;
  const outsideSubnet = network.subnets.find(({ id }) => id === outside.subnetId) ?? null;
  const clients = network.subnets.flatMap((subnet) =>
    routesOf(network, subnet).flatMap(({ target, targetId, destination }) => {
      const inside = instance.interfaces.find(({ id }) => id === targetId);
      const leadsHere =
        target === "network-interface" && inside !== undefined && isOfTheInternet(destination);
      return leadsHere && subnet !== outsideSubnet ? [{ subnet, destination, inside }] : [];
    }),
  );
  return { network, outside, outsideSubnet, clients };
}

/** A prefix list may be anything; a private network behind the instance is no matter of NAT. */
function isOfTheInternet(destination: string): boolean {
  const block = parseBlock(destination);
  return block === undefined || internetWithin(block).length > 0;
}

/** With a second interface, the one that has the public address; else the first. */
function outsideOf(interfaces: readonly NetworkInterface[]): NetworkInterface | undefined {
  const inOrder = [...interfaces].sort((a, b) => a.deviceIndex - b.deviceIndex);
  return inOrder.find(({ publicAddress }) => publicAddress !== null) ?? inOrder[0];
}

export function routesOf(network: Network, subnet: Subnet): Route[] {
  return network.routeTables.find(({ id }) => id === subnet.routeTableId)?.routes ?? [];
}

export const defaultDestination = "0.0.0.0/0";

export function defaultRouteOf(network: Network, subnet: Subnet): Route | undefined {
  return routesOf(network, subnet).find(({ destination }) => destination === defaultDestination);
}

/** Whether an IPv4 route other than the default leads out of the VPC: then what is reachable was chosen by hand. */
export function hasOtherWaysOut(network: Network, subnet: Subnet): boolean {
  return routesOf(network, subnet).some(
    ({ destination, target, blackhole }) =>
      !blackhole &&
      target !== "local" &&
      // A gateway endpoint leads to S3 or DynamoDB only, by a prefix list.
      target !== "vpc-endpoint" &&
      destination !== defaultDestination &&
      parseBlock(destination)?.family !== 6,
  );
}

/** Why a cause that needs the VPC is unknown without it. */
export function unreadNetwork({ instance, network, unread }: CloudEvidence): string {
  const what = network === null ? "the VPC" : instance === null ? "the instance" : "its network interfaces";
  const why = unread.length === 0 ? "" : `: ${unread.join("; ")}`;
  return `${what} could not be read from EC2${why}`;
}
