/** The local world's VPC as evidence, for causes that AWS alone can tell: two zones, a NAT in each, isolated subnets. */
import type { CloudEvidence, CloudInstance } from "../../core/evidence/cloud.ts";
import type { AclEntry, Network, Route, SecurityGroupRule } from "../../core/evidence/network.ts";
import type { Evidence } from "../../core/evidence.ts";
import {
  dataAcl,
  dataSubnetA,
  dataSubnetB,
  mainRoutes,
  natA,
  natB,
  natGroup,
  natInterfaceA,
  natInterfaceB,
  privateAcl,
  privateRoutesA,
  privateRoutesB,
  privateSubnetA,
  privateSubnetB,
  publicAcl,
  publicRoutes,
  publicSubnetA,
  publicSubnetB,
  vpcId,
} from "../../local/world.ts";
import { captured, cloudOf, evidenceOf } from "./captured.ts";

export * from "../../local/world.ts";

export const allow = (number: number, changes: Partial<AclEntry> = {}): AclEntry => ({
  number,
  egress: false,
  action: "allow",
  protocol: null,
  cidr: "0.0.0.0/0",
  ports: null,
  icmp: null,
  ...changes,
});
export const deny = (number: number, changes: Partial<AclEntry> = {}): AclEntry =>
  allow(number, { action: "deny", ...changes });
export const outbound = (entry: AclEntry): AclEntry => ({ ...entry, egress: true });
/** EC2's own last rule, both ways. */
export const lastRules = [deny(32_767), outbound(deny(32_767))];
export const openAcl = [allow(100), outbound(allow(100)), ...lastRules];

export const route = (destination: string, changes: Partial<Route> = {}): Route => ({
  destination,
  target: "local",
  targetId: "local",
  instanceId: null,
  blackhole: false,
  ...changes,
});
export const local = route("10.60.0.0/16");
export const toGateway = route("0.0.0.0/0", {
  target: "internet-gateway",
  targetId: "igw-0a1b2c3d4e5f60001",
});
export const toNatA = route("0.0.0.0/0", {
  target: "network-interface",
  targetId: natInterfaceA,
  instanceId: natA,
});
export const toNatB = route("0.0.0.0/0", {
  target: "network-interface",
  targetId: natInterfaceB,
  instanceId: natB,
});

export const admit = (cidr: string | null, changes: Partial<SecurityGroupRule> = {}): SecurityGroupRule => ({
  groupId: natGroup,
  egress: false,
  protocol: null,
  ports: null,
  cidr,
  peer: null,
  ...changes,
});
export const letOut = (cidr: string | null, changes: Partial<SecurityGroupRule> = {}) =>
  admit(cidr, { egress: true, ...changes });

const subnet = (id: string, cidr: string, zone: "a" | "b", aclId: string, routeTableId: string) => ({
  id,
  cidr,
  availabilityZone: `eu-central-1${zone}`,
  aclId,
  routeTableId,
});

export const healthyNetwork: Network = {
  vpcId,
  cidrs: ["10.60.0.0/16"],
  subnets: [
    subnet(publicSubnetA, "10.60.100.0/24", "a", publicAcl, publicRoutes),
    subnet(publicSubnetB, "10.60.200.0/24", "b", publicAcl, publicRoutes),
    subnet(privateSubnetA, "10.60.0.0/24", "a", privateAcl, privateRoutesA),
    subnet(privateSubnetB, "10.60.1.0/24", "b", privateAcl, privateRoutesB),
    subnet(dataSubnetA, "10.60.8.0/24", "a", dataAcl, mainRoutes),
    subnet(dataSubnetB, "10.60.9.0/24", "b", dataAcl, mainRoutes),
  ],
  acls: [publicAcl, privateAcl, dataAcl].map((id) => ({ id, entries: openAcl })),
  routeTables: [
    { id: publicRoutes, routes: [local, toGateway] },
    { id: privateRoutesA, routes: [local, toNatA] },
    { id: privateRoutesB, routes: [local, toNatB] },
    { id: mainRoutes, routes: [local] },
  ],
  securityGroupRules: [admit("10.60.0.0/16"), letOut("0.0.0.0/0")],
  gatewayEndpoints: [],
};

export const healthyInstance: CloudInstance = {
  type: "t3.micro",
  state: "running",
  sourceDestCheck: false,
  vpcId,
  subnetId: publicSubnetA,
  availabilityZone: "eu-central-1a",
  privateAddress: "10.60.100.10",
  publicAddress: "198.51.100.10",
  autoScalingGroup: null,
  interfaces: [
    {
      id: natInterfaceA,
      deviceIndex: 0,
      subnetId: publicSubnetA,
      privateAddresses: ["10.60.100.10"],
      publicAddress: "198.51.100.10",
      sourceDestCheck: false,
      securityGroupIds: [natGroup],
      trackingTimeouts: null,
      enrolled: true,
    },
  ],
};

/** A busy host with nothing wrong, and what AWS says around it. */
export function evidenceIn(network: Network | null, cloud: Partial<CloudEvidence> = {}): Evidence {
  return {
    ...evidenceOf(captured("healthy")),
    cloud: cloudOf({ instance: healthyInstance, network, ...cloud }),
  };
}

/** The same with a subnet that an ACL of its own guards. */
export const withAcl = (network: Network, id: string, entries: readonly AclEntry[]): Network => ({
  ...network,
  acls: network.acls.map((acl) => (acl.id === id ? { id, entries: [...entries] } : acl)),
});

export const withRoutes = (network: Network, id: string, routes: readonly Route[]): Network => ({
  ...network,
  routeTables: network.routeTables.map((table) => (table.id === id ? { id, routes: [...routes] } : table)),
});
