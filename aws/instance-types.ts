/** What instance types offer, as far as a NAT instance needs it. */
import {
  DescribeInstanceTypesCommand,
  EC2Client,
  type InstanceTypeInfo,
  paginateDescribeInstanceTypes,
} from "@aws-sdk/client-ec2";
import type { InstanceType } from "../core/evidence/cloud.ts";
import { itemsOf } from "./pages.ts";
import { clientHere, patientAttempts } from "./place.ts";

const client = clientHere(EC2Client, patientAttempts);

/** `null` when EC2 knows no such type in this Region. */
export async function describeType(name: string): Promise<InstanceType | null> {
  const { InstanceTypes = [] } = await client().send(
    // A filter rather than the name as such, whose type in the SDK lags behind EC2.
    new DescribeInstanceTypesCommand({ Filters: [{ Name: "instance-type", Values: [name] }] }),
  );
  const [found] = InstanceTypes;
  return found === undefined ? null : typeFrom(found);
}

const mostLarger = 12;
/** Times the present number of virtual CPUs: beyond four times nobody wants to grow in one step. */
const growth = [1, 2, 4];

/**
 * A ladder of what to grow into: types of the current generation and the same architecture that are in no respect
 * smaller, of the present family or with more baseline bandwidth than every smaller one. The smallest first.
 */
export async function largerTypes(present: InstanceType): Promise<InstanceType[]> {
  const described = await itemsOf(
    paginateDescribeInstanceTypes(
      { client: client(), pageSize: 100 },
      {
        Filters: [
          { Name: "current-generation", Values: ["true"] },
          { Name: "bare-metal", Values: ["false"] },
          // Others have no ENA.
          { Name: "hypervisor", Values: ["nitro"] },
          // A NAT instance has no use for disks or accelerators, which come with them.
          { Name: "instance-storage-supported", Values: ["false"] },
          { Name: "processor-info.supported-architecture", Values: [present.architecture] },
          { Name: "vcpu-info.default-vcpus", Values: growth.map((times) => String(times * present.vCpus)) },
        ],
      },
    ),
    ({ InstanceTypes }) => InstanceTypes,
  );
  return ladder(present, described.filter(isPlain).map(typeFrom));
}

function ladder(present: InstanceType, types: readonly InstanceType[]): InstanceType[] {
  const candidates = types
    .filter((type) => type.name !== present.name && isNoSmaller(type, present))
    .toSorted(bySize);
  let widest = present.baselineGbps ?? 0;
  return candidates
    .filter((type) => {
      const wider = (type.baselineGbps ?? 0) > widest;
      if (wider) widest = type.baselineGbps ?? 0;
      return wider || familyOf(type) === familyOf(present);
    })
    .slice(0, mostLarger);
}

const familyOf = ({ name }: InstanceType) => name.split(".")[0];

const isNoSmaller = (type: InstanceType, present: InstanceType) =>
  type.vCpus >= present.vCpus &&
  type.memoryMiB >= present.memoryMiB &&
  (type.baselineGbps ?? 0) >= (present.baselineGbps ?? 0) &&
  type.maximumInterfaces >= present.maximumInterfaces;

const bySize = (a: InstanceType, b: InstanceType) =>
  a.vCpus - b.vCpus ||
  a.memoryMiB - b.memoryMiB ||
  (a.baselineGbps ?? 0) - (b.baselineGbps ?? 0) ||
  a.name.localeCompare(b.name);

const isPlain = ({
  GpuInfo,
  FpgaInfo,
  InferenceAcceleratorInfo,
  NeuronInfo,
  MediaAcceleratorInfo,
}: InstanceTypeInfo) =>
  [GpuInfo, FpgaInfo, InferenceAcceleratorInfo, NeuronInfo, MediaAcceleratorInfo].every(
    (accelerator) => accelerator === undefined,
  );

function typeFrom(described: InstanceTypeInfo): InstanceType {
  const { ProcessorInfo, VCpuInfo, MemoryInfo, NetworkInfo } = described;
  const card = NetworkInfo?.NetworkCards?.[NetworkInfo.DefaultNetworkCardIndex ?? 0];
  const architectures = ProcessorInfo?.SupportedArchitectures ?? [];
  return {
    name: described.InstanceType ?? "unknown",
    // Old types list i386 first.
    architecture: architectures.find((each) => each === "arm64" || each === "x86_64") ?? "unknown",
    currentGeneration: described.CurrentGeneration ?? false,
    burstable: described.BurstablePerformanceSupported ?? false,
    vCpus: VCpuInfo?.DefaultVCpus ?? 0,
    memoryMiB: MemoryInfo?.SizeInMiB ?? 0,
    baselineGbps: card?.BaselineBandwidthInGbps ?? null,
    peakGbps: card?.PeakBandwidthInGbps ?? null,
    maximumInterfaces: NetworkInfo?.MaximumNetworkInterfaces ?? 0,
    hypervisor: described.Hypervisor ?? "",
    defaultTcpEstablished: NetworkInfo?.ConnectionTrackingConfiguration?.DefaultTcpEstablishedTimeout ?? null,
  };
}
