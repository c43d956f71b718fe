/** Instances, their status checks and their types. */
import {
  DescribeInstanceStatus$,
  type DescribeInstanceStatusRequest,
  type DescribeInstanceStatusResult,
  DescribeInstances$,
  type DescribeInstancesRequest,
  type DescribeInstancesResult,
  DescribeInstanceTypes$,
  type DescribeInstanceTypesRequest,
  type DescribeInstanceTypesResult,
  type Instance,
  type InstanceNetworkInterface,
  type NetworkInterface,
} from "@aws-sdk/client-ec2";
import type { World } from "../../world.ts";
import { AwsError } from "../aws-error.ts";
import type { Operation } from "../service.ts";
import { list } from "./list.ts";

export type InstanceWorld = Pick<
  World,
  "instances" | "instanceStatuses" | "instanceTypes" | "networkInterfaces"
>;

export const instanceOperations = (world: InstanceWorld): Operation[] => {
  const describeInstances = async (request: DescribeInstancesRequest): Promise<DescribeInstancesResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeInstances",
        items: describedInstances(world, request.InstanceIds),
        ids: { wanted: request.InstanceIds, ...INSTANCE_IDS },
        filters: {
          "instance-id": ({ InstanceId }) => [InstanceId],
          "instance-state-name": ({ State }) => [State?.Name],
          "network-interface.addresses.private-ip-address": ({ NetworkInterfaces = [] }) =>
            NetworkInterfaces.flatMap(({ PrivateIpAddresses = [] }) =>
              PrivateIpAddresses.map(({ PrivateIpAddress }) => PrivateIpAddress),
            ),
          "private-ip-address": ({ PrivateIpAddress }) => [PrivateIpAddress],
          "subnet-id": ({ SubnetId }) => [SubnetId],
          "vpc-id": ({ VpcId }) => [VpcId],
        },
        tags: ({ Tags }) => Tags,
      },
      request,
    );
    return {
      Reservations: items.map((instance) => ({
        ReservationId: `r-${instance.InstanceId?.slice(2)}`,
        OwnerId: "123456789012",
        Instances: [instance],
      })),
      ...(nextToken !== undefined && { NextToken: nextToken }),
    };
  };

  const describeInstanceStatus = async (
    request: DescribeInstanceStatusRequest,
  ): Promise<DescribeInstanceStatusResult> => {
    const { items, nextToken } = list(
      {
        operation: "DescribeInstanceStatus",
        items: world.instanceStatuses,
        ids: { wanted: request.InstanceIds, ...INSTANCE_IDS },
      },
      request,
    );
    // EC2 leaves out what does not run, unless it is asked for all.
    const shown = items.filter(
      ({ InstanceState }) => request.IncludeAllInstances === true || InstanceState?.Name === "running",
    );
    return { InstanceStatuses: shown, ...(nextToken !== undefined && { NextToken: nextToken }) };
  };

  const describeInstanceTypes = async (
    request: DescribeInstanceTypesRequest,
  ): Promise<DescribeInstanceTypesResult> => {
    const { InstanceTypes: wanted } = request;
    const unknown = (wanted ?? []).filter((name) => !Object.hasOwn(world.instanceTypes, name));
    if (unknown.length > 0) {
      throw new AwsError(
        "InvalidInstanceType",
        `The following supplied instance types do not exist: [${unknown.join(", ")}]`,
      );
    }
    const { items, nextToken } = list(
      {
        operation: "DescribeInstanceTypes",
        items: Object.fromEntries(
          Object.entries(world.instanceTypes).filter(
            ([name]) => wanted === undefined || wanted.some((one) => one === name),
          ),
        ),
        filters: {
          "bare-metal": ({ BareMetal }) => [String(BareMetal)],
          "burstable-performance-supported": ({ BurstablePerformanceSupported }) => [
            String(BurstablePerformanceSupported),
          ],
          "current-generation": ({ CurrentGeneration }) => [String(CurrentGeneration)],
          hypervisor: ({ Hypervisor }) => [Hypervisor],
          "instance-storage-supported": ({ InstanceStorageSupported }) => [String(InstanceStorageSupported)],
          "instance-type": ({ InstanceType }) => [InstanceType],
          "memory-info.size-in-mib": ({ MemoryInfo }) => [String(MemoryInfo?.SizeInMiB)],
          "processor-info.supported-architecture": ({ ProcessorInfo }) =>
            ProcessorInfo?.SupportedArchitectures ?? [],
          "vcpu-info.default-vcpus": ({ VCpuInfo }) => [String(VCpuInfo?.DefaultVCpus)],
        },
      },
      // Of this operation alone a page has at most 100, asked for or not.
      { ...request, MaxResults: wanted === undefined ? Math.min(request.MaxResults ?? 100, 100) : undefined },
    );
    return { InstanceTypes: items, ...(nextToken !== undefined && { NextToken: nextToken }) };
  };

  return [
    { schema: DescribeInstances$, run: describeInstances },
    { schema: DescribeInstanceStatus$, run: describeInstanceStatus },
    { schema: DescribeInstanceTypes$, run: describeInstanceTypes },
  ];
};

const INSTANCE_IDS = {
  code: "InvalidInstanceID",
  noun: "instance ID",
  /** EC2 user guide, resource IDs: 8 hexadecimal digits in old IDs, 17 in those since 2016. */
  pattern: /^i-(?:[0-9a-f]{8}|[0-9a-f]{17})$/,
};

/** All, or those that are asked for by ID: a world may have thousands, of which one is looked at. */
const describedInstances = (
  { instances, networkInterfaces }: InstanceWorld,
  wanted: string[] | undefined,
): Record<string, Instance> => {
  const ids = wanted === undefined ? undefined : new Set(wanted);
  const isMeant = (id: string) => ids === undefined || ids.has(id);
  const attached = Map.groupBy(
    Object.values(networkInterfaces).filter(({ Attachment }) => isMeant(Attachment?.InstanceId ?? "")),
    ({ Attachment }) => Attachment?.InstanceId,
  );
  return Object.fromEntries(
    Object.entries(instances)
      .filter(([id]) => isMeant(id))
      .map(([id, instance]) => [id, withInterfaces(instance, attached.get(id) ?? [])]),
  );
};

/** With what is attached to it, and what EC2 repeats of the first of these. */
const withInterfaces = (instance: Instance, interfaces: NetworkInterface[]): Instance => {
  const attached = interfaces.toSorted(
    (a, b) => (a.Attachment?.DeviceIndex ?? 0) - (b.Attachment?.DeviceIndex ?? 0),
  );
  const [primary] = attached;
  if (primary === undefined) return instance;
  const { VpcId, SubnetId, PrivateIpAddress, SourceDestCheck, Association, Groups } = primary;
  return defined({
    VpcId,
    SubnetId,
    PrivateIpAddress,
    SourceDestCheck,
    PublicIpAddress: Association?.PublicIp,
    SecurityGroups: Groups,
    ...instance,
    NetworkInterfaces: attached.map(asInstanceInterface),
  });
};

/** What an instance shows of its interface: all but its tags and zone. */
const asInstanceInterface = ({
  TagSet: _,
  AvailabilityZone: __,
  Attachment,
  ...shown
}: NetworkInterface): InstanceNetworkInterface =>
  defined({
    NetworkInterfaceId: shown.NetworkInterfaceId,
    InterfaceType: shown.InterfaceType,
    VpcId: shown.VpcId,
    SubnetId: shown.SubnetId,
    Status: shown.Status,
    SourceDestCheck: shown.SourceDestCheck,
    PrivateIpAddress: shown.PrivateIpAddress,
    PrivateIpAddresses: shown.PrivateIpAddresses,
    Association: shown.Association,
    Attachment: Attachment && {
      AttachmentId: Attachment.AttachmentId,
      DeviceIndex: Attachment.DeviceIndex,
      Status: Attachment.Status,
    },
    Groups: shown.Groups,
    OwnerId: shown.OwnerId,
    ConnectionTrackingConfiguration: shown.ConnectionTrackingConfiguration,
  });

/** Without members that are undefined, which XML could not show either. */
const defined = <Shape extends object>(shape: Shape): Shape => {
  for (const key of Object.keys(shape)) {
    if (Reflect.get(shape, key) === undefined) Reflect.deleteProperty(shape, key);
  }
  return shape;
};
