/**
 * Instance types in the shape of DescribeInstanceTypes: the families that NAT instances are made of, as far as anything
 * here looks at them. The figures are those published for us-east-1 in May 2026; nobody here could ask EC2, so they stage
 * troubles and prove nothing about EC2. What is deployed asks EC2 itself.
 */
import type { _InstanceType, InstanceTypeInfo } from "@aws-sdk/client-ec2";

export function instanceTypes(): Record<string, InstanceTypeInfo> {
  return Object.fromEntries(ROWS.map((row) => [row[0], describe(row)]));
}

type Row = readonly [
  name: _InstanceType,
  architecture: "x86_64" | "arm64",
  vCpus: number,
  memoryMiB: number,
  interfaces: number,
  addressesPerInterface: number,
  baselineGbps: number,
  peakGbps: number,
  tcpEstablishedTimeout: number,
  performance: string,
];

/** Taken for a former generation here, so that both kinds are there; which EC2 calls current was not checked. */
const FORMER = new Set(["c6gn", "m5", "m6i"]);
const XEN = new Set(["t2"]);

function describe(row: Row): InstanceTypeInfo {
  const [InstanceType, architecture, DefaultVCpus, SizeInMiB, interfaces, addresses, baseline, peak] = row;
  const [, , , , , , , , DefaultTcpEstablishedTimeout, NetworkPerformance] = row;
  const [family = ""] = InstanceType.split(".");
  return {
    InstanceType,
    CurrentGeneration: !FORMER.has(family),
    BareMetal: false,
    Hypervisor: XEN.has(family) ? "xen" : "nitro",
    BurstablePerformanceSupported: family.startsWith("t"),
    InstanceStorageSupported: false,
    ProcessorInfo: { SupportedArchitectures: [architecture] },
    VCpuInfo: { DefaultVCpus },
    MemoryInfo: { SizeInMiB },
    NetworkInfo: {
      NetworkPerformance,
      MaximumNetworkInterfaces: interfaces,
      MaximumNetworkCards: 1,
      DefaultNetworkCardIndex: 0,
      NetworkCards: [
        {
          NetworkCardIndex: 0,
          NetworkPerformance,
          MaximumNetworkInterfaces: interfaces,
          BaselineBandwidthInGbps: baseline,
          PeakBandwidthInGbps: peak,
        },
      ],
      Ipv4AddressesPerInterface: addresses,
      EnaSupport: XEN.has(family) ? "unsupported" : "required",
      ConnectionTrackingConfiguration: {
        DefaultTcpEstablishedTimeout,
        DefaultUdpStreamTimeout: 180,
        DefaultUdpTimeout: 30,
      },
    },
  };
}

/** In EC2's order: by name. */
const ROWS: readonly Row[] = [
  ["c6gn.2xlarge", "arm64", 8, 16384, 4, 15, 12.5, 25.0, 432000, "Up to 25 Gigabit"],
  ["c6gn.large", "arm64", 2, 4096, 3, 10, 3.0, 25.0, 432000, "Up to 25 Gigabit"],
  ["c6gn.medium", "arm64", 1, 2048, 2, 4, 1.6, 16.0, 432000, "Up to 16 Gigabit"],
  ["c6gn.xlarge", "arm64", 4, 8192, 4, 15, 6.3, 25.0, 432000, "Up to 25 Gigabit"],
  ["c6i.2xlarge", "x86_64", 8, 16384, 4, 15, 3.125, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c6i.large", "x86_64", 2, 4096, 3, 10, 0.781, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c6i.xlarge", "x86_64", 4, 8192, 4, 15, 1.562, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c6in.2xlarge", "x86_64", 8, 16384, 4, 15, 12.5, 40.0, 432000, "Up to 40 Gigabit"],
  ["c6in.large", "x86_64", 2, 4096, 3, 10, 3.125, 25.0, 432000, "Up to 25 Gigabit"],
  ["c6in.xlarge", "x86_64", 4, 8192, 4, 15, 6.25, 30.0, 432000, "Up to 30 Gigabit"],
  ["c7g.2xlarge", "arm64", 8, 16384, 4, 15, 3.75, 15.0, 432000, "Up to 15 Gigabit"],
  ["c7g.large", "arm64", 2, 4096, 3, 10, 0.937, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c7g.medium", "arm64", 1, 2048, 2, 4, 0.52, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c7g.xlarge", "arm64", 4, 8192, 4, 15, 1.876, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c7gn.2xlarge", "arm64", 8, 16384, 4, 15, 25.0, 50.0, 432000, "Up to 50 Gigabit"],
  ["c7gn.large", "arm64", 2, 4096, 3, 10, 6.25, 30.0, 432000, "Up to 30 Gigabit"],
  ["c7gn.medium", "arm64", 1, 2048, 2, 4, 3.125, 25.0, 432000, "Up to 25 Gigabit"],
  ["c7gn.xlarge", "arm64", 4, 8192, 4, 15, 12.5, 40.0, 432000, "Up to 40 Gigabit"],
  ["c7i-flex.2xlarge", "x86_64", 8, 16384, 4, 15, 1.562, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c7i-flex.large", "x86_64", 2, 4096, 3, 10, 0.39, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c7i-flex.xlarge", "x86_64", 4, 8192, 4, 15, 0.781, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c8g.2xlarge", "arm64", 8, 16384, 4, 15, 3.75, 15.0, 432000, "Up to 15 Gigabit"],
  ["c8g.large", "arm64", 2, 4096, 3, 10, 0.937, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c8g.medium", "arm64", 1, 2048, 2, 4, 0.52, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c8g.xlarge", "arm64", 4, 8192, 4, 15, 1.875, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["c8gn.2xlarge", "arm64", 8, 16384, 4, 15, 25.0, 50.0, 350, "Up to 50 Gigabit"],
  ["c8gn.large", "arm64", 2, 4096, 3, 10, 6.25, 30.0, 350, "Up to 30 Gigabit"],
  ["c8gn.medium", "arm64", 1, 2048, 2, 4, 3.125, 25.0, 350, "Up to 25 Gigabit"],
  ["c8gn.xlarge", "arm64", 4, 8192, 4, 15, 12.5, 40.0, 350, "Up to 40 Gigabit"],
  ["c8i.2xlarge", "x86_64", 8, 16384, 4, 30, 3.75, 15.0, 350, "Up to 15 Gigabit"],
  ["c8i.large", "x86_64", 2, 4096, 3, 20, 0.937, 12.5, 350, "Up to 12.5 Gigabit"],
  ["c8i.xlarge", "x86_64", 4, 8192, 4, 30, 1.875, 12.5, 350, "Up to 12.5 Gigabit"],
  ["m5.2xlarge", "x86_64", 8, 32768, 4, 15, 2.5, 10.0, 432000, "Up to 10 Gigabit"],
  ["m5.large", "x86_64", 2, 8192, 3, 10, 0.75, 10.0, 432000, "Up to 10 Gigabit"],
  ["m5.xlarge", "x86_64", 4, 16384, 4, 15, 1.25, 10.0, 432000, "Up to 10 Gigabit"],
  ["m6i.2xlarge", "x86_64", 8, 32768, 4, 15, 3.125, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m6i.large", "x86_64", 2, 8192, 3, 10, 0.781, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m6i.xlarge", "x86_64", 4, 16384, 4, 15, 1.562, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m7g.2xlarge", "arm64", 8, 32768, 4, 15, 3.75, 15.0, 432000, "Up to 15 Gigabit"],
  ["m7g.large", "arm64", 2, 8192, 3, 10, 0.937, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m7g.medium", "arm64", 1, 4096, 2, 4, 0.52, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m7g.xlarge", "arm64", 4, 16384, 4, 15, 1.876, 12.5, 432000, "Up to 12.5 Gigabit"],
  ["m8i.2xlarge", "x86_64", 8, 32768, 4, 30, 3.75, 15.0, 350, "Up to 15 Gigabit"],
  ["m8i.large", "x86_64", 2, 8192, 3, 20, 0.937, 12.5, 350, "Up to 12.5 Gigabit"],
  ["m8i.xlarge", "x86_64", 4, 16384, 4, 30, 1.875, 12.5, 350, "Up to 12.5 Gigabit"],
  ["t2.micro", "x86_64", 1, 1024, 2, 2, 0.064, 1.024, 432000, "Low to Moderate"],
  ["t3.2xlarge", "x86_64", 8, 32768, 4, 15, 2.048, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.large", "x86_64", 2, 8192, 3, 12, 0.512, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.medium", "x86_64", 2, 4096, 3, 6, 0.256, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.micro", "x86_64", 2, 1024, 2, 2, 0.064, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.nano", "x86_64", 2, 512, 2, 2, 0.032, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.small", "x86_64", 2, 2048, 3, 4, 0.128, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3.xlarge", "x86_64", 4, 16384, 4, 15, 1.024, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.2xlarge", "x86_64", 8, 32768, 4, 15, 2.048, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.large", "x86_64", 2, 8192, 3, 12, 0.512, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.medium", "x86_64", 2, 4096, 3, 6, 0.256, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.micro", "x86_64", 2, 1024, 2, 2, 0.064, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.nano", "x86_64", 2, 512, 2, 2, 0.032, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.small", "x86_64", 2, 2048, 2, 4, 0.128, 5.0, 432000, "Up to 5 Gigabit"],
  ["t3a.xlarge", "x86_64", 4, 16384, 4, 15, 1.024, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.2xlarge", "arm64", 8, 32768, 4, 15, 2.048, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.large", "arm64", 2, 8192, 3, 12, 0.512, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.medium", "arm64", 2, 4096, 3, 6, 0.256, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.micro", "arm64", 2, 1024, 2, 2, 0.064, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.nano", "arm64", 2, 512, 2, 2, 0.032, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.small", "arm64", 2, 2048, 3, 4, 0.128, 5.0, 432000, "Up to 5 Gigabit"],
  ["t4g.xlarge", "arm64", 4, 16384, 4, 15, 1.024, 5.0, 432000, "Up to 5 Gigabit"],
];
