/**
 * AWS around the NAT instance: what the embedded EC2, CloudWatch and Systems Manager know, in the APIs' own shapes, by
 * kind of resource and ID. Each thing is said once; an instance's interfaces, for example, are those attached to it.
 *
 *     internet gateway
 *       public-a  10.60.100.0/24  NAT A (eu-central-1a)       public-b  10.60.200.0/24  NAT B (eu-central-1b)
 *       private-a 10.60.0.0/24    its clients, as in the lab  private-b 10.60.1.0/24    clients of NAT B
 *       data-a    10.60.8.0/24    isolated: no default route  data-b    10.60.9.0/24    isolated
 */
import type { MetricAlarm } from "@aws-sdk/client-cloudwatch";
import type {
  _InstanceType,
  Instance,
  InstanceStatus,
  InstanceTypeInfo,
  NetworkAcl,
  NetworkInterface,
  RouteTable,
  SecurityGroupRule,
  Subnet,
  Vpc,
  VpcEndpoint,
} from "@aws-sdk/client-ec2";
import { metricNamespace } from "../core/metrics.ts";
import { enrolTag } from "../core/opening.ts";
import type { Scenario, Staging } from "./scenario.ts";
import { instanceTypes } from "./world/instance-types.ts";
import { merge } from "./world/patch.ts";

/**
 * What DescribeInstanceInformation says of an agent; an instance without one is unknown to Systems Manager, as the
 * clients are unless a scenario gives them one.
 */
export type KnownAgent = {
  PingStatus: "Online" | "ConnectionLost" | "Inactive";
  PlatformType: "Linux" | "Windows";
};

export type World = {
  vpcs: Record<string, Vpc>;
  subnets: Record<string, Subnet>;
  networkAcls: Record<string, NetworkAcl>;
  routeTables: Record<string, RouteTable>;
  securityGroupRules: Record<string, SecurityGroupRule>;
  networkInterfaces: Record<string, NetworkInterface>;
  /** Without `NetworkInterfaces` and what EC2 derives from the first of them. */
  instances: Record<string, Instance>;
  instanceStatuses: Record<string, InstanceStatus>;
  instanceTypes: Record<string, InstanceTypeInfo>;
  vpcEndpoints: Record<string, VpcEndpoint>;
  agents: Record<string, KnownAgent>;
  /** By name. */
  alarms: Record<string, MetricAlarm>;
};

/** IDs that scenarios and tests name. */
export const natA = "i-0a1b2c3d4e5f67890";
export const natB = "i-0b1b2c3d4e5f67890";
export const natInterfaceA = "eni-0a1b2c3d4e5f67890";
export const natInterfaceB = "eni-0b1b2c3d4e5f67890";
export const vpcId = "vpc-0a1b2c3d4e5f60001";
export const publicSubnetA = "subnet-0a1b2c3d4e5f60100";
export const publicSubnetB = "subnet-0b1b2c3d4e5f60200";
export const privateSubnetA = "subnet-0a1b2c3d4e5f60000";
export const privateSubnetB = "subnet-0b1b2c3d4e5f60001";
export const dataSubnetA = "subnet-0a1b2c3d4e5f60008";
export const dataSubnetB = "subnet-0b1b2c3d4e5f60009";
/** Allow everything, as a VPC's default ACL does. */
export const publicAcl = "acl-0a1b2c3d4e5f60100";
export const privateAcl = "acl-0a1b2c3d4e5f60000";
export const dataAcl = "acl-0a1b2c3d4e5f60008";
export const publicRoutes = "rtb-0a1b2c3d4e5f60100";
export const privateRoutesA = "rtb-0a1b2c3d4e5f60000";
export const privateRoutesB = "rtb-0b1b2c3d4e5f60001";
/** The VPC's own, which holds for subnets without another. */
export const mainRoutes = "rtb-0a1b2c3d4e5f60008";
export const natGroup = "sg-0a1b2c3d4e5f67890";
export const clientGroup = "sg-0c11e000000000000";
const internetGateway = "igw-0a1b2c3d4e5f60001";
const account = "123456789012";
const vpcCidr = "10.60.0.0/16";

/** A new one each time: whoever gets it may change it. */
export function healthyWorld(): World {
  const world: World = {
    vpcs: {
      [vpcId]: {
        VpcId: vpcId,
        State: "available",
        CidrBlock: vpcCidr,
        CidrBlockAssociationSet: [
          {
            AssociationId: "vpc-cidr-assoc-0a1b2c3d4e5f60001",
            CidrBlock: vpcCidr,
            CidrBlockState: { State: "associated" },
          },
        ],
        OwnerId: account,
      },
    },
    subnets: {
      ...subnet(publicSubnetA, "10.60.100.0/24", "a"),
      ...subnet(publicSubnetB, "10.60.200.0/24", "b"),
      ...subnet(privateSubnetA, "10.60.0.0/24", "a"),
      ...subnet(privateSubnetB, "10.60.1.0/24", "b"),
      ...subnet(dataSubnetA, "10.60.8.0/24", "a"),
      ...subnet(dataSubnetB, "10.60.9.0/24", "b"),
    },
    networkAcls: {
      ...openAcl(publicAcl, [publicSubnetA, publicSubnetB], false),
      ...openAcl(privateAcl, [privateSubnetA, privateSubnetB], false),
      ...openAcl(dataAcl, [dataSubnetA, dataSubnetB], true),
    },
    routeTables: {
      ...routeTable(publicRoutes, [publicSubnetA, publicSubnetB], { GatewayId: internetGateway }),
      ...routeTable(privateRoutesA, [privateSubnetA], routeTo(natA, natInterfaceA)),
      ...routeTable(privateRoutesB, [privateSubnetB], routeTo(natB, natInterfaceB)),
      ...routeTable(mainRoutes, [], undefined),
    },
    securityGroupRules: {
      ...groupRule("sgr-0a1b2c3d4e5f60001", natGroup, false, vpcCidr),
      ...groupRule("sgr-0a1b2c3d4e5f60002", natGroup, true, "0.0.0.0/0"),
      ...groupRule("sgr-0c11e000000000002", clientGroup, true, "0.0.0.0/0"),
    },
    networkInterfaces: {},
    instances: {},
    instanceStatuses: {},
    instanceTypes: instanceTypes(),
    vpcEndpoints: {},
    agents: {},
    alarms: {},
  };
  addNat(world, {
    id: natA,
    subnetId: publicSubnetA,
    address: "10.60.100.10",
    publicAddress: "198.51.100.10",
    alarm: "nat-a-conntrack-utilization",
  });
  addNat(world, {
    id: natB,
    subnetId: publicSubnetB,
    address: "10.60.200.10",
    publicAddress: "198.51.100.20",
    alarm: "nat-b-conntrack-utilization",
  });
  // The four clients of the lab.
  for (const n of [1, 2, 3, 4]) addClient(world, `i-0c11e0000000000a${n}`, `10.60.0.1${n}`);
  return world;
}

/** The healthy world with what the scenario, or one of its variants, says is otherwise. */
export function worldOf(scenario: Scenario, variant?: string): World {
  const world = healthyWorld();
  const { reachable, clients, memoryMiB } = scenario.host;
  const nat = world.instances[natA];
  if (nat !== undefined) nat.InstanceType = typeWithMemory(memoryMiB);
  if (!reachable) world.agents[natA] = { PingStatus: "ConnectionLost", PlatformType: "Linux" };
  for (const id of Object.values(clients)) {
    world.agents[id] = { PingStatus: "Online", PlatformType: "Linux" };
  }
  patchWorld(world, stagingOf(scenario, variant).world);
  return world;
}

/** The t3 that has as much memory as the guest. */
function typeWithMemory(memoryMiB: number): _InstanceType {
  if (memoryMiB <= 512) return "t3.nano";
  if (memoryMiB <= 1024) return "t3.micro";
  return memoryMiB <= 2048 ? "t3.small" : "t3.medium";
}

/** @throws Error for a kind of resource that there is not */
export function patchWorld(world: World, patch: Staging["world"]): void {
  for (const kind of Object.keys(patch)) {
    if (!Object.hasOwn(world, kind)) {
      throw new Error(`the world has no ${kind}; it has ${Object.keys(world).join(", ")}`);
    }
  }
  merge(world, patch);
}

/** How the trouble is staged: the variant's own words, or without one the scenario's. */
export function stagingOf(scenario: Scenario, variant?: string): Staging {
  if (variant === undefined) return scenario;
  const staging = scenario.variants[variant];
  if (staging === undefined) throw new Error(`${scenario.id} has no variant ${variant}`);
  return staging;
}

/** A NAT instance with one interface, watched by NAT Medic, and by an alarm on its table. */
export function addNat(
  world: World,
  nat: {
    id: string;
    subnetId?: string;
    address: string;
    publicAddress: string;
    type?: _InstanceType;
    tags?: Record<string, string>;
    alarm?: string;
  },
): void {
  const { id, subnetId = publicSubnetA, address, publicAddress, type = "t3.micro", tags = {} } = nat;
  Object.assign(world.alarms, utilizationAlarm(nat.alarm ?? `${id}-conntrack-utilization`, id));
  const tagList = Object.entries({ [enrolTag.key]: enrolTag.value, ...tags }).map(([Key, Value]) => ({
    Key,
    Value,
  }));
  addInstance(world, {
    id,
    subnetId,
    address,
    type,
    group: natGroup,
    publicAddress,
    forwards: true,
    tagList,
  });
  world.agents[id] = { PingStatus: "Online", PlatformType: "Linux" };
}

function addClient(world: World, id: string, address: string): void {
  const tagList = [{ Key: "Name", Value: "client" }];
  addInstance(world, {
    id,
    subnetId: privateSubnetA,
    address,
    type: "t3.small",
    group: clientGroup,
    forwards: false,
    tagList,
  });
}

function addInstance(
  world: World,
  {
    id,
    subnetId,
    address,
    type,
    group,
    publicAddress,
    forwards,
    tagList,
  }: {
    id: string;
    subnetId: string;
    address: string;
    type: _InstanceType;
    group: string;
    publicAddress?: string;
    forwards: boolean;
    tagList: { Key: string; Value: string }[];
  },
): void {
  const suffix = id.slice("i-".length);
  const zone = world.subnets[subnetId]?.AvailabilityZone;
  const association =
    publicAddress === undefined
      ? {}
      : {
          Association: {
            PublicIp: publicAddress,
            IpOwnerId: account,
            AllocationId: `eipalloc-${suffix}`,
            AssociationId: `eipassoc-${suffix}`,
          },
        };
  world.instances[id] = {
    InstanceId: id,
    InstanceType: type,
    Architecture: type.startsWith("t4g") ? "arm64" : "x86_64",
    State: { Code: 16, Name: "running" },
    Placement: { ...(zone !== undefined && { AvailabilityZone: zone }), Tenancy: "default" },
    PlatformDetails: "Linux/UNIX",
    Tags: structuredClone(tagList),
  };
  world.networkInterfaces[`eni-${suffix}`] = {
    NetworkInterfaceId: `eni-${suffix}`,
    InterfaceType: "interface",
    VpcId: vpcId,
    SubnetId: subnetId,
    ...(zone !== undefined && { AvailabilityZone: zone }),
    Status: "in-use",
    SourceDestCheck: !forwards,
    PrivateIpAddress: address,
    PrivateIpAddresses: [{ Primary: true, PrivateIpAddress: address, ...association }],
    ...association,
    Attachment: { InstanceId: id, DeviceIndex: 0, Status: "attached", AttachmentId: `eni-attach-${suffix}` },
    Groups: [{ GroupId: group, GroupName: group === natGroup ? "nat" : "clients" }],
    OwnerId: account,
    TagSet: structuredClone(tagList),
  };
  world.instanceStatuses[id] = {
    InstanceId: id,
    ...(zone !== undefined && { AvailabilityZone: zone }),
    InstanceState: { Code: 16, Name: "running" },
    SystemStatus: { Status: "ok", Details: [{ Name: "reachability", Status: "passed" }] },
    InstanceStatus: { Status: "ok", Details: [{ Name: "reachability", Status: "passed" }] },
  };
}

function subnet(SubnetId: string, CidrBlock: string, zone: "a" | "b"): Record<string, Subnet> {
  const AvailabilityZone = `eu-central-1${zone}`;
  return { [SubnetId]: { SubnetId, VpcId: vpcId, CidrBlock, AvailabilityZone, State: "available" } };
}

/** As a default ACL: everything is allowed by rule 100, and what no rule matches is denied by EC2's own 32767. */
function openAcl(NetworkAclId: string, subnetIds: string[], IsDefault: boolean): Record<string, NetworkAcl> {
  const entries = [true, false].flatMap((Egress) => [
    {
      RuleNumber: 100,
      Egress,
      Protocol: "-1",
      RuleAction: "allow" as const,
      CidrBlock: "0.0.0.0/0",
    },
    { RuleNumber: 32_767, Egress, Protocol: "-1", RuleAction: "deny" as const, CidrBlock: "0.0.0.0/0" },
  ]);
  const Associations = subnetIds.map((SubnetId) => ({
    NetworkAclAssociationId: `aclassoc-${SubnetId.slice("subnet-".length)}`,
    NetworkAclId,
    SubnetId,
  }));
  return { [NetworkAclId]: { NetworkAclId, VpcId: vpcId, IsDefault, Entries: entries, Associations } };
}

const routeTo = (InstanceId: string, NetworkInterfaceId: string) => ({
  InstanceId,
  InstanceOwnerId: account,
  NetworkInterfaceId,
});

/** Without subnets it is the VPC's main one; without a target there is no default route. */
function routeTable(
  RouteTableId: string,
  subnetIds: string[],
  target: object | undefined,
): Record<string, RouteTable> {
  const associated = subnetIds.map((SubnetId) => ({
    RouteTableAssociationId: `rtbassoc-${SubnetId.slice("subnet-".length)}`,
    RouteTableId,
    SubnetId,
    Main: false,
    AssociationState: { State: "associated" as const },
  }));
  const main = {
    RouteTableAssociationId: `rtbassoc-${RouteTableId.slice("rtb-".length)}`,
    RouteTableId,
    Main: true,
    AssociationState: { State: "associated" as const },
  };
  const local = {
    DestinationCidrBlock: vpcCidr,
    GatewayId: "local",
    Origin: "CreateRouteTable" as const,
    State: "active" as const,
  };
  const away = {
    DestinationCidrBlock: "0.0.0.0/0",
    ...target,
    Origin: "CreateRoute" as const,
    State: "active" as const,
  };
  return {
    [RouteTableId]: {
      RouteTableId,
      VpcId: vpcId,
      OwnerId: account,
      Routes: target === undefined ? [local] : [local, away],
      Associations: subnetIds.length === 0 ? [main] : associated,
    },
  };
}

function groupRule(
  SecurityGroupRuleId: string,
  GroupId: string,
  IsEgress: boolean,
  CidrIpv4: string,
): Record<string, SecurityGroupRule> {
  const rule = { SecurityGroupRuleId, GroupId, GroupOwnerId: account, IsEgress, CidrIpv4 };
  // As the API has it for all protocols.
  return { [SecurityGroupRuleId]: { ...rule, IpProtocol: "-1", FromPort: -1, ToPort: -1 } };
}

function utilizationAlarm(AlarmName: string, InstanceId: string): Record<string, MetricAlarm> {
  return {
    [AlarmName]: {
      AlarmName,
      Namespace: metricNamespace,
      MetricName: "ConntrackUtilization",
      Dimensions: [{ Name: "InstanceId", Value: InstanceId }],
      Statistic: "Maximum",
      Period: 60,
      EvaluationPeriods: 1,
      Threshold: 80,
      ComparisonOperator: "GreaterThanOrEqualToThreshold",
      StateValue: "OK",
    },
  };
}
