/** What EC2 knows about an instance. */
import {
  DescribeInstanceStatusCommand,
  DescribeInstancesCommand,
  EC2Client,
  type Instance,
  type InstanceNetworkInterface,
  paginateDescribeInstances,
  paginateDescribeNetworkInterfaces,
} from "@aws-sdk/client-ec2";
import type {
  CloudInstance,
  NetworkInterface,
  StatusChecks,
  TrackingTimeouts,
} from "../core/evidence/cloud.ts";
import { enrolTag, type InstanceTags } from "../core/opening.ts";
import { itemsOf } from "./pages.ts";
import { clientHere, patientAttempts } from "./place.ts";

const client = clientHere(EC2Client, patientAttempts);

/** `undefined` when EC2 knows no such instance in this account and Region. */
export async function tagsOf(instanceId: string): Promise<InstanceTags | undefined> {
  const instance = await describe(instanceId);
  if (instance === undefined) return undefined;
  return Object.fromEntries((instance.Tags ?? []).map(({ Key = "", Value = "" }) => [Key, Value]));
}

/** No Region holds more NAT instances than this. */
const mostWatched = 20_000;

/**
 * The IDs of instances that carry our tag and run or begin to: of all (`null`), or the given one, as long as it is such.
 * In no order.
 */
export async function watchedInstances(instanceId: string | null): Promise<string[]> {
  const only = instanceId === null ? [] : [{ Name: "instance-id", Values: [instanceId] }];
  const reservations = await itemsOf(
    paginateDescribeInstances(
      { client: client(), pageSize: 1000 },
      {
        Filters: [
          { Name: `tag:${enrolTag.key}`, Values: [enrolTag.value] },
          { Name: "instance-state-name", Values: ["pending", "running"] },
          ...only,
        ],
      },
    ),
    ({ Reservations }) => Reservations,
    mostWatched,
  );
  return reservations.flatMap(({ Instances = [] }) =>
    Instances.flatMap(({ InstanceId }) => InstanceId ?? []),
  );
}

/** Its interfaces count as not enrolled, since only `enrolledInterfaces` knows that. */
export async function describeInstance(instanceId: string): Promise<CloudInstance | null> {
  const instance = await describe(instanceId);
  if (instance === undefined) return null;
  return {
    type: instance.InstanceType ?? "unknown",
    state: instance.State?.Name ?? "unknown",
    sourceDestCheck: instance.SourceDestCheck ?? null,
    vpcId: instance.VpcId ?? null,
    subnetId: instance.SubnetId ?? null,
    availabilityZone: instance.Placement?.AvailabilityZone ?? null,
    privateAddress: instance.PrivateIpAddress ?? null,
    publicAddress: instance.PublicIpAddress ?? null,
    autoScalingGroup: instance.Tags?.find(({ Key }) => Key === "aws:autoscaling:groupName")?.Value ?? null,
    interfaces: (instance.NetworkInterfaces ?? [])
      .map(interfaceFrom)
      .toSorted((a, b) => a.deviceIndex - b.deviceIndex),
  };
}

/** IDs of the instance's interfaces that carry our tag themselves. */
export async function enrolledInterfaces(instanceId: string): Promise<string[]> {
  const interfaces = await itemsOf(
    paginateDescribeNetworkInterfaces(
      { client: client(), pageSize: 100 },
      {
        Filters: [
          { Name: "attachment.instance-id", Values: [instanceId] },
          { Name: `tag:${enrolTag.key}`, Values: [enrolTag.value] },
        ],
      },
    ),
    ({ NetworkInterfaces }) => NetworkInterfaces,
  );
  return interfaces.flatMap(({ NetworkInterfaceId }) => NetworkInterfaceId ?? []);
}

/** The running instances of an Auto Scaling group that carry our tag: whose tag it is, EC2 knows itself. */
export async function enrolledInGroup(group: string): Promise<string[]> {
  const reservations = await itemsOf(
    paginateDescribeInstances(
      { client: client(), pageSize: 100 },
      {
        Filters: [
          { Name: "tag:aws:autoscaling:groupName", Values: [literal(group)] },
          { Name: `tag:${enrolTag.key}`, Values: [enrolTag.value] },
          { Name: "instance-state-name", Values: ["running"] },
        ],
      },
    ),
    ({ Reservations }) => Reservations,
  );
  return reservations.flatMap(({ Instances = [] }) =>
    Instances.flatMap(({ InstanceId }) => InstanceId ?? []),
  );
}

/** `null` when the interface does not exist here, or is attached to no instance. */
export async function instanceOfInterface(interfaceId: string): Promise<string | null> {
  const interfaces = await itemsOf(
    paginateDescribeNetworkInterfaces(
      { client: client(), pageSize: 100 },
      { Filters: [{ Name: "network-interface-id", Values: [interfaceId] }] },
    ),
    ({ NetworkInterfaces }) => NetworkInterfaces,
  );
  return interfaces[0]?.Attachment?.InstanceId ?? null;
}

/** EC2's filters know `*` and `?`; a name from an event is none of them. */
const literal = (value: string) => value.replace(/[\\*?]/g, "\\$&");

/** `null` when EC2 has none, as of an instance that it does not know. */
export async function statusChecksOf(instanceId: string): Promise<StatusChecks | null> {
  const { InstanceStatuses = [] } = await client().send(
    new DescribeInstanceStatusCommand({ InstanceIds: [instanceId], IncludeAllInstances: true }),
  );
  const [status] = InstanceStatuses;
  if (status === undefined) return null;
  return {
    system: status.SystemStatus?.Status ?? "insufficient-data",
    instance: status.InstanceStatus?.Status ?? "insufficient-data",
  };
}

export type AddressedInstance = { address: string; instanceId: string; platform: "linux" | "windows" };

/** The running instances that have these private addresses; in any VPC of the Region when `vpcId` is null. */
export async function instancesWithAddresses(
  addresses: readonly string[],
  vpcId: string | null,
): Promise<AddressedInstance[]> {
  if (addresses.length === 0) return [];
  const reservations = await itemsOf(
    paginateDescribeInstances(
      { client: client(), pageSize: 100 },
      {
        Filters: [
          { Name: "network-interface.addresses.private-ip-address", Values: [...addresses] },
          { Name: "instance-state-name", Values: ["running"] },
          ...(vpcId === null ? [] : [{ Name: "vpc-id", Values: [vpcId] }]),
        ],
      },
    ),
    ({ Reservations }) => Reservations,
  );
  const instances = reservations.flatMap(({ Instances = [] }) => Instances);
  return addresses.flatMap((address) =>
    instances
      .filter((instance) => addressesOf(instance).includes(address))
      .map(({ InstanceId = "", Platform }) => ({
        address,
        instanceId: InstanceId,
        // EC2 writes it small, the SDK's type with a capital.
        platform: Platform?.toLowerCase() === "windows" ? ("windows" as const) : ("linux" as const),
      })),
  );
}

const addressesOf = ({ NetworkInterfaces = [] }: Instance): string[] =>
  NetworkInterfaces.flatMap(({ PrivateIpAddresses = [] }) =>
    PrivateIpAddresses.flatMap(({ PrivateIpAddress }) => PrivateIpAddress ?? []),
  );

function interfaceFrom(described: InstanceNetworkInterface): NetworkInterface {
  const { PrivateIpAddress, PrivateIpAddresses = [], Groups = [] } = described;
  const primary = PrivateIpAddresses.find(({ Primary }) => Primary);
  return {
    id: described.NetworkInterfaceId ?? "",
    deviceIndex: described.Attachment?.DeviceIndex ?? 0,
    subnetId: described.SubnetId ?? "",
    privateAddresses: [
      ...new Set([
        ...(PrivateIpAddress === undefined ? [] : [PrivateIpAddress]),
        ...PrivateIpAddresses.flatMap((each) => each.PrivateIpAddress ?? []),
      ]),
    ],
    publicAddress: primary?.Association?.PublicIp ?? described.Association?.PublicIp ?? null,
    // EC2 always says it; were it missing, the default of an interface is to check.
    sourceDestCheck: described.SourceDestCheck ?? true,
    securityGroupIds: Groups.flatMap(({ GroupId }) => GroupId ?? []),
    trackingTimeouts: timeoutsFrom(described.ConnectionTrackingConfiguration),
    enrolled: false,
  };
}

/** `null` when none is set, however EC2 says so. */
function timeoutsFrom(
  configuration: InstanceNetworkInterface["ConnectionTrackingConfiguration"],
): TrackingTimeouts | null {
  const tcpEstablished = configuration?.TcpEstablishedTimeout ?? null;
  const udpStream = configuration?.UdpStreamTimeout ?? null;
  const udp = configuration?.UdpTimeout ?? null;
  return tcpEstablished === null && udpStream === null && udp === null
    ? null
    : { tcpEstablished, udpStream, udp };
}

async function describe(instanceId: string): Promise<Instance | undefined> {
  try {
    const { Reservations = [] } = await client().send(
      new DescribeInstancesCommand({ InstanceIds: [instanceId] }),
    );
    return Reservations[0]?.Instances?.[0];
  } catch (error) {
    if (error instanceof Error && error.name.startsWith("InvalidInstanceID.")) return undefined;
    throw error;
  }
}
