/** The VPC around an instance: subnets with the network ACL and route table that hold for each, security group rules. */
import {
  EC2Client,
  type NetworkAcl as Ec2Acl,
  type NetworkAclEntry as Ec2AclEntry,
  type Route as Ec2Route,
  type RouteTable as Ec2RouteTable,
  type SecurityGroupRule as Ec2Rule,
  paginateDescribeNetworkAcls,
  paginateDescribeRouteTables,
  paginateDescribeSecurityGroupRules,
  paginateDescribeSubnets,
  paginateDescribeVpcEndpoints,
  paginateDescribeVpcs,
} from "@aws-sdk/client-ec2";
import type { AclEntry, Network, Route, SecurityGroupRule } from "../core/evidence/network.ts";
import { itemsOf } from "./pages.ts";
import { clientHere, patientAttempts } from "./place.ts";

const client = clientHere(EC2Client, patientAttempts);

/** @throws Error that names the operation which failed, with its cause */
export async function describeNetwork(vpcId: string, securityGroupIds: readonly string[]): Promise<Network> {
  const Filters = [{ Name: "vpc-id", Values: [vpcId] }];
  // API reference: at most 100 route tables a page, 1000 of the others.
  const small = { client: client(), pageSize: 100 };
  const large = { client: client(), pageSize: 1000 };
  const [vpcs, subnets, acls, routeTables, rules, endpoints] = await Promise.all([
    named(
      "DescribeVpcs",
      itemsOf(paginateDescribeVpcs(large, { Filters }), ({ Vpcs }) => Vpcs),
    ),
    named(
      "DescribeSubnets",
      itemsOf(paginateDescribeSubnets(large, { Filters }), ({ Subnets }) => Subnets),
    ),
    named(
      "DescribeNetworkAcls",
      itemsOf(paginateDescribeNetworkAcls(large, { Filters }), ({ NetworkAcls }) => NetworkAcls),
    ),
    named(
      "DescribeRouteTables",
      itemsOf(paginateDescribeRouteTables(small, { Filters }), ({ RouteTables }) => RouteTables),
    ),
    named("DescribeSecurityGroupRules", rulesOf(securityGroupIds)),
    named(
      "DescribeVpcEndpoints",
      itemsOf(
        paginateDescribeVpcEndpoints(small, {
          Filters: [
            ...Filters,
            { Name: "vpc-endpoint-type", Values: ["Gateway"] },
            { Name: "vpc-endpoint-state", Values: ["available"] },
          ],
        }),
        ({ VpcEndpoints }) => VpcEndpoints,
      ),
    ),
  ]);
  const aclOf = (subnetId: string) =>
    acls.find(({ Associations = [] }) => Associations.some(({ SubnetId }) => SubnetId === subnetId));
  return {
    vpcId,
    cidrs: vpcs.flatMap(({ CidrBlock, CidrBlockAssociationSet = [], Ipv6CidrBlockAssociationSet = [] }) => [
      ...new Set([
        ...(CidrBlock === undefined ? [] : [CidrBlock]),
        ...CidrBlockAssociationSet.filter(
          ({ CidrBlockState }) => CidrBlockState?.State === "associated",
        ).flatMap((associated) => associated.CidrBlock ?? []),
        ...Ipv6CidrBlockAssociationSet.filter(
          ({ Ipv6CidrBlockState }) => Ipv6CidrBlockState?.State === "associated",
        ).flatMap(({ Ipv6CidrBlock }) => Ipv6CidrBlock ?? []),
      ]),
    ]),
    subnets: subnets.map(({ SubnetId = "", CidrBlock = "", AvailabilityZone = "" }) => ({
      id: SubnetId,
      cidr: CidrBlock,
      availabilityZone: AvailabilityZone,
      aclId: aclOf(SubnetId)?.NetworkAclId ?? null,
      routeTableId: tableOf(SubnetId, routeTables)?.RouteTableId ?? null,
    })),
    acls: acls.map(({ NetworkAclId = "", Entries = [] }: Ec2Acl) => ({
      id: NetworkAclId,
      entries: Entries.map(entryFrom),
    })),
    routeTables: routeTables.map(({ RouteTableId = "", Routes = [] }) => ({
      id: RouteTableId,
      routes: Routes.map(routeFrom),
    })),
    securityGroupRules: rules.map(ruleFrom),
    gatewayEndpoints: endpoints.flatMap(({ ServiceName }) => ServiceName ?? []),
  };
}

/** Without the name nobody could tell which permission is missing. */
async function named<Answer>(operation: string, asked: Promise<Answer>): Promise<Answer> {
  try {
    return await asked;
  } catch (cause) {
    throw new Error(`${operation}: ${cause instanceof Error ? cause.name : "unknown error"}`, { cause });
  }
}

async function rulesOf(groupIds: readonly string[]): Promise<Ec2Rule[]> {
  // No group is no filter: EC2 would give the rules of all.
  if (groupIds.length === 0) return [];
  return itemsOf(
    paginateDescribeSecurityGroupRules(
      { client: client(), pageSize: 1000 },
      { Filters: [{ Name: "group-id", Values: [...groupIds] }] },
    ),
    ({ SecurityGroupRules }) => SecurityGroupRules,
  );
}

/** A subnet without a table of its own has the VPC's main one. */
function tableOf(subnetId: string, tables: readonly Ec2RouteTable[]): Ec2RouteTable | undefined {
  const associated = (table: Ec2RouteTable) =>
    (table.Associations ?? []).some(({ SubnetId }) => SubnetId === subnetId);
  const main = (table: Ec2RouteTable) => (table.Associations ?? []).some(({ Main }) => Main);
  return tables.find(associated) ?? tables.find(main);
}

function entryFrom(entry: Ec2AclEntry): AclEntry {
  const protocol = protocolFrom(entry.Protocol);
  const { PortRange, IcmpTypeCode } = entry;
  return {
    number: entry.RuleNumber ?? 0,
    egress: entry.Egress ?? false,
    action: entry.RuleAction === "allow" ? "allow" : "deny",
    protocol,
    cidr: entry.CidrBlock ?? entry.Ipv6CidrBlock ?? "",
    ports: hasPorts(protocol) ? rangeFrom(PortRange?.From, PortRange?.To) : null,
    icmp: isIcmp(protocol) ? { type: IcmpTypeCode?.Type ?? -1, code: IcmpTypeCode?.Code ?? -1 } : null,
  };
}

function ruleFrom(rule: Ec2Rule): SecurityGroupRule {
  const protocol = protocolFrom(rule.IpProtocol);
  return {
    groupId: rule.GroupId ?? "",
    egress: rule.IsEgress ?? false,
    protocol,
    // For ICMP these are type and code.
    ports: hasPorts(protocol) ? rangeFrom(rule.FromPort, rule.ToPort) : null,
    cidr: rule.CidrIpv4 ?? rule.CidrIpv6 ?? null,
    peer: rule.ReferencedGroupInfo?.GroupId ?? rule.PrefixListId ?? null,
  };
}

const ICMP = 1;
const TCP = 6;
const UDP = 17;
const ICMPV6 = 58;
/** Security groups name four; network ACLs and all others have IANA's number. "-1" is all. */
const protocolNumbers: Readonly<Record<string, number>> = { tcp: TCP, udp: UDP, icmp: ICMP, icmpv6: ICMPV6 };

function protocolFrom(text = "-1"): number | null {
  const number = protocolNumbers[text] ?? Number(text);
  return number === -1 ? null : number;
}

const hasPorts = (protocol: number | null) => protocol === TCP || protocol === UDP;
const isIcmp = (protocol: number | null) => protocol === ICMP || protocol === ICMPV6;

/** Nothing, and -1, mean all ports. */
const rangeFrom = (from = -1, to = -1): [number, number] | null => (from < 0 || to < 0 ? null : [from, to]);

function routeFrom(route: Ec2Route): Route {
  return {
    destination:
      route.DestinationCidrBlock ?? route.DestinationIpv6CidrBlock ?? route.DestinationPrefixListId ?? "",
    ...targetFrom(route),
    blackhole: route.State === "blackhole",
  };
}

function targetFrom(route: Ec2Route): Pick<Route, "target" | "targetId" | "instanceId"> {
  const { NetworkInterfaceId, InstanceId, GatewayId = "" } = route;
  if (NetworkInterfaceId !== undefined || InstanceId !== undefined) {
    return {
      target: "network-interface",
      targetId: NetworkInterfaceId ?? InstanceId ?? "",
      instanceId: InstanceId ?? null,
    };
  }
  const to = (target: Route["target"], targetId: string) => ({ target, targetId, instanceId: null });
  if (route.NatGatewayId !== undefined) return to("nat-gateway", route.NatGatewayId);
  if (route.TransitGatewayId !== undefined) return to("transit-gateway", route.TransitGatewayId);
  if (route.VpcPeeringConnectionId !== undefined) return to("peering", route.VpcPeeringConnectionId);
  if (route.EgressOnlyInternetGatewayId !== undefined) {
    return to("egress-only-gateway", route.EgressOnlyInternetGatewayId);
  }
  if (GatewayId === "local") return to("local", "local");
  if (GatewayId.startsWith("igw-")) return to("internet-gateway", GatewayId);
  if (GatewayId.startsWith("vpce-")) return to("vpc-endpoint", GatewayId);
  return to(
    "other",
    GatewayId || (route.LocalGatewayId ?? route.CarrierGatewayId ?? route.CoreNetworkArn ?? ""),
  );
}
