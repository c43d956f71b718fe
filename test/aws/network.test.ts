import { expect, test } from "vitest";
import { describeNetwork } from "../../aws/network.ts";
import { AwsError } from "../../local/endpoint/aws-error.ts";
import {
  dataAcl,
  dataSubnetA,
  mainRoutes,
  natA,
  natGroup,
  natInterfaceA,
  patchWorld,
  privateAcl,
  privateRoutesA,
  privateSubnetA,
  publicAcl,
  publicRoutes,
  publicSubnetA,
  vpcId,
} from "../../local/world.ts";
import { aroundUs } from "./around.ts";

const around = aroundUs();
const described = () => describeNetwork(vpcId, [natGroup]);
const entriesOf = async (...Entries: object[]) => {
  patchWorld(around.world, { networkAcls: { [publicAcl]: { Entries } } });
  return (await described()).acls.find(({ id }) => id === publicAcl)?.entries;
};
const routesOf = async (...Routes: object[]) => {
  patchWorld(around.world, { routeTables: { [privateRoutesA]: { Routes } } });
  return (await described()).routeTables.find(({ id }) => id === privateRoutesA)?.routes;
};

test("each subnet has its ACL, and its own route table or the main one", async () => {
  const { subnets, cidrs, vpcId: id } = await described();
  expect(id).toBe(vpcId);
  expect(cidrs).toEqual(["10.60.0.0/16"]);
  const of = (wanted: string) => subnets.find((subnet) => subnet.id === wanted);
  expect(of(publicSubnetA)).toEqual({
    id: publicSubnetA,
    cidr: "10.60.100.0/24",
    availabilityZone: "eu-central-1a",
    aclId: publicAcl,
    routeTableId: publicRoutes,
  });
  expect(of(privateSubnetA)).toMatchObject({ aclId: privateAcl, routeTableId: privateRoutesA });
  expect(of(dataSubnetA)).toMatchObject({ aclId: dataAcl, routeTableId: mainRoutes });
});

test("secondary and IPv6 blocks of the VPC count, those that are gone do not", async () => {
  patchWorld(around.world, {
    vpcs: {
      [vpcId]: {
        CidrBlockAssociationSet: [
          { CidrBlock: "10.60.0.0/16", CidrBlockState: { State: "associated" } },
          { CidrBlock: "100.64.0.0/16", CidrBlockState: { State: "associated" } },
          { CidrBlock: "10.99.0.0/16", CidrBlockState: { State: "disassociated" } },
        ],
        Ipv6CidrBlockAssociationSet: [
          { Ipv6CidrBlock: "2001:db8::/56", Ipv6CidrBlockState: { State: "associated" } },
        ],
      },
    },
  });
  expect((await described()).cidrs).toEqual(["10.60.0.0/16", "100.64.0.0/16", "2001:db8::/56"]);
});

test("an ACL's protocol is a number, and only TCP and UDP have ports, only ICMP a type", async () => {
  const base = { RuleNumber: 100, Egress: false, RuleAction: "allow", CidrBlock: "0.0.0.0/0" };
  const read = { number: 100, egress: false, action: "allow", cidr: "0.0.0.0/0" };
  expect(
    await entriesOf(
      { ...base, Protocol: "6", PortRange: { From: 1024, To: 65_535 } },
      { ...base, Protocol: "17" },
      { ...base, Protocol: "-1" },
      { ...base, Protocol: "1", IcmpTypeCode: { Type: 3, Code: 4 } },
      { ...base, Protocol: "1", IcmpTypeCode: { Type: -1, Code: -1 } },
      { ...base, Protocol: "50" },
    ),
  ).toEqual([
    { ...read, protocol: 6, ports: [1024, 65_535], icmp: null },
    { ...read, protocol: 17, ports: null, icmp: null },
    { ...read, protocol: null, ports: null, icmp: null },
    { ...read, protocol: 1, ports: null, icmp: { type: 3, code: 4 } },
    { ...read, protocol: 1, ports: null, icmp: { type: -1, code: -1 } },
    { ...read, protocol: 50, ports: null, icmp: null },
  ]);
});

test("an entry for IPv6 has its own CIDR; a deny of port 0 has a port", async () => {
  const entries = await entriesOf(
    { RuleNumber: 101, Egress: true, RuleAction: "allow", Protocol: "58", Ipv6CidrBlock: "::/0" },
    {
      RuleNumber: 102,
      Egress: true,
      RuleAction: "deny",
      Protocol: "6",
      CidrBlock: "192.0.2.0/24",
      PortRange: { From: 0, To: 0 },
    },
  );
  expect(entries).toEqual([
    {
      number: 101,
      egress: true,
      action: "allow",
      protocol: 58,
      cidr: "::/0",
      ports: null,
      icmp: { type: -1, code: -1 },
    },
    {
      number: 102,
      egress: true,
      action: "deny",
      protocol: 6,
      cidr: "192.0.2.0/24",
      ports: [0, 0],
      icmp: null,
    },
  ]);
});

test.each([
  [{ GatewayId: "local" }, "local", "local", null],
  [{ GatewayId: "igw-1" }, "internet-gateway", "igw-1", null],
  [{ GatewayId: "vpce-1" }, "vpc-endpoint", "vpce-1", null],
  [{ GatewayId: "vgw-1" }, "other", "vgw-1", null],
  [{ NetworkInterfaceId: natInterfaceA, InstanceId: natA }, "network-interface", natInterfaceA, natA],
  [{ NetworkInterfaceId: "eni-gone" }, "network-interface", "eni-gone", null],
  [{ NatGatewayId: "nat-1" }, "nat-gateway", "nat-1", null],
  [{ TransitGatewayId: "tgw-1" }, "transit-gateway", "tgw-1", null],
  [{ VpcPeeringConnectionId: "pcx-1" }, "peering", "pcx-1", null],
  [{ EgressOnlyInternetGatewayId: "eigw-1" }, "egress-only-gateway", "eigw-1", null],
  [
    { CoreNetworkArn: "arn:aws:networkmanager::1:core-network/x" },
    "other",
    "arn:aws:networkmanager::1:core-network/x",
    null,
  ],
])("a route to %o leads to %s", async (given, target, targetId, instanceId) => {
  expect(await routesOf({ DestinationCidrBlock: "0.0.0.0/0", State: "active", ...given })).toEqual([
    { destination: "0.0.0.0/0", target, targetId, instanceId, blackhole: false },
  ]);
});

test("a blackhole is one, and destinations may be IPv6 or a prefix list", async () => {
  const routes = await routesOf(
    { DestinationIpv6CidrBlock: "::/0", NetworkInterfaceId: "eni-1", State: "blackhole" },
    { DestinationPrefixListId: "pl-6ea54007", GatewayId: "vpce-1", State: "active" },
  );
  expect(routes).toMatchObject([
    { destination: "::/0", blackhole: true },
    { destination: "pl-6ea54007", blackhole: false },
  ]);
});

test("a security group's rules have numbers for protocols, and a group or prefix list as the other end", async () => {
  const rule = (n: number, given: object) => ({
    [`sgr-0000000000000000${n}`]: { GroupId: natGroup, IsEgress: false, ...given },
  });
  around.world.securityGroupRules = {};
  patchWorld(around.world, {
    securityGroupRules: {
      ...rule(1, { IpProtocol: "tcp", FromPort: 443, ToPort: 443, CidrIpv4: "10.60.0.0/16" }),
      ...rule(2, { IpProtocol: "udp", FromPort: 0, ToPort: 65_535, CidrIpv6: "::/0" }),
      ...rule(3, { IpProtocol: "icmp", FromPort: 3, ToPort: 4, CidrIpv4: "0.0.0.0/0" }),
      ...rule(4, { IpProtocol: "-1", FromPort: -1, ToPort: -1, ReferencedGroupInfo: { GroupId: "sg-1" } }),
      ...rule(5, { IpProtocol: "50", FromPort: -1, ToPort: -1, PrefixListId: "pl-1" }),
      ...rule(6, { IpProtocol: "icmpv6", FromPort: -1, ToPort: -1, CidrIpv6: "::/0" }),
    },
  });
  const read = { groupId: natGroup, egress: false, ports: null, cidr: null, peer: null };
  expect((await described()).securityGroupRules).toEqual([
    { ...read, protocol: 6, ports: [443, 443], cidr: "10.60.0.0/16" },
    { ...read, protocol: 17, ports: [0, 65_535], cidr: "::/0" },
    { ...read, protocol: 1, cidr: "0.0.0.0/0" },
    { ...read, protocol: null, peer: "sg-1" },
    { ...read, protocol: 50, peer: "pl-1" },
    { ...read, protocol: 58, cidr: "::/0" },
  ]);
});

test("an instance without groups has no rules: without a filter EC2 would give all of the account", async () => {
  expect((await describeNetwork(vpcId, [])).securityGroupRules).toEqual([]);
  expect(around.requests().map(({ operation }) => operation)).not.toContain("DescribeSecurityGroupRules");
});

test("gateway endpoints that work are known by their service", async () => {
  const endpoint = (VpcEndpointType: string, State: string, service: string) => ({
    VpcId: vpcId,
    VpcEndpointType,
    State,
    ServiceName: `com.amazonaws.eu-central-1.${service}`,
  });
  patchWorld(around.world, {
    vpcEndpoints: {
      "vpce-1": endpoint("Gateway", "available", "s3"),
      "vpce-2": endpoint("Interface", "available", "ssm"),
      "vpce-3": endpoint("Gateway", "deleting", "dynamodb"),
    },
  });
  expect((await described()).gatewayEndpoints).toEqual(["com.amazonaws.eu-central-1.s3"]);
});

test("another VPC's resources stay out", async () => {
  patchWorld(around.world, { subnets: { [dataSubnetA]: { VpcId: "vpc-00000000000000001" } } });
  expect((await described()).subnets.map(({ id }) => id)).not.toContain(dataSubnetA);
});

test("an operation that is not allowed is named", async () => {
  around.fault = (_, operation) =>
    operation === "DescribeRouteTables"
      ? new AwsError("UnauthorizedOperation", "You are not authorized.", { status: 403 })
      : undefined;
  await expect(described()).rejects.toThrow("DescribeRouteTables: UnauthorizedOperation");
});

test("long lists are read to their end", async () => {
  for (let n = 0; n < 250; n += 1) {
    const id = `rtb-${String(n).padStart(17, "0")}`;
    around.world.routeTables[id] = { RouteTableId: id, VpcId: vpcId, Routes: [], Associations: [] };
  }
  expect((await described()).routeTables).toHaveLength(254);
  expect(around.requests().filter(({ operation }) => operation === "DescribeRouteTables")).toHaveLength(3);
});
