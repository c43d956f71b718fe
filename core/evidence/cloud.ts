/** What the AWS APIs say about the instance, its network and its metrics. */
import * as z from "zod/mini";
import { Network } from "./network.ts";

export const MetricHistory = z.object({
  /** `Namespace/MetricName`. */
  name: z.string(),
  /** Oldest first; `at` in Unix seconds. */
  points: z.array(z.object({ at: z.int(), value: z.number() })),
});
export type MetricHistory = z.infer<typeof MetricHistory>;

/** Seconds after which the security group layer forgets an idle flow. */
export const TrackingTimeouts = z.object({
  tcpEstablished: z.nullable(z.int()),
  udpStream: z.nullable(z.int()),
  udp: z.nullable(z.int()),
});
export type TrackingTimeouts = z.infer<typeof TrackingTimeouts>;

export const NetworkInterface = z.object({
  id: z.string(),
  deviceIndex: z.int(),
  subnetId: z.string(),
  privateAddresses: z.array(z.string()),
  /** Of the primary private address; secondary ones may have their own. */
  publicAddress: z.nullable(z.string()),
  sourceDestCheck: z.boolean(),
  securityGroupIds: z.array(z.string()),
  /** As set on the interface; `null`: the type's default holds. */
  trackingTimeouts: z.nullable(TrackingTimeouts),
  /** Whether the interface itself carries our tag, so that we may change it. */
  enrolled: z.boolean(),
});
export type NetworkInterface = z.infer<typeof NetworkInterface>;

export const InstanceType = z.object({
  name: z.string(),
  architecture: z.string(),
  currentGeneration: z.boolean(),
  burstable: z.boolean(),
  vCpus: z.int(),
  memoryMiB: z.int(),
  /** For each direction by itself; on a NAT each carries everything, since what comes in goes out again. */
  baselineGbps: z.nullable(z.number()),
  peakGbps: z.nullable(z.number()),
  maximumInterfaces: z.int(),
  /** `nitro` or `xen`; empty when EC2 does not say. */
  hypervisor: z.string(),
  /** The default of its interfaces, in seconds; `null`: EC2 does not say, which means 432,000. */
  defaultTcpEstablished: z.nullable(z.int()),
});
export type InstanceType = z.infer<typeof InstanceType>;

export const CloudInstance = z.object({
  type: z.string(),
  state: z.string(),
  sourceDestCheck: z.nullable(z.boolean()),
  vpcId: z._default(z.nullable(z.string()), null),
  subnetId: z._default(z.nullable(z.string()), null),
  availabilityZone: z._default(z.nullable(z.string()), null),
  privateAddress: z._default(z.nullable(z.string()), null),
  publicAddress: z._default(z.nullable(z.string()), null),
  autoScalingGroup: z._default(z.nullable(z.string()), null),
  interfaces: z._default(z.array(NetworkInterface), []),
});
export type CloudInstance = z.infer<typeof CloudInstance>;

/** `ok`, `impaired`, `insufficient-data`, `not-applicable` or `initializing`, in EC2's words. */
export const StatusChecks = z.object({ system: z.string(), instance: z.string() });
export type StatusChecks = z.infer<typeof StatusChecks>;

export const CloudEvidence = z.object({
  /** False where there is no AWS to ask, such as in `nat-medic doctor`: what needs it is then not looked at. */
  asked: z._default(z.boolean(), true),
  instance: z.nullable(CloudInstance),
  statusChecks: z._default(z.nullable(StatusChecks), null),
  /** SSM's word on the agent: `Online`, `ConnectionLost`, `Inactive`; `unregistered` when it knows none. */
  agent: z._default(z.nullable(z.object({ ping: z.string() })), null),
  type: z._default(z.nullable(InstanceType), null),
  /** Current-generation types of the same architecture that are no smaller, the smallest first, at most 12. */
  largerTypes: z._default(z.array(InstanceType), []),
  network: z._default(z.nullable(Network), null),
  /** The alarm's own. `null`: not asked for or not readable; no points: CloudWatch has none. */
  metric: z.nullable(MetricHistory),
  /** Others of the instance, by `Namespace/MetricName`: see `watchedMetrics`. One that is missing was not readable. */
  metrics: z._default(z.record(z.string(), MetricHistory), {}),
  /** Since the last data point of the table's utilisation; asked only when its alarm of silence went off. */
  silentSeconds: z._default(z.nullable(z.int()), null),
  /** Alarms on the table's utilisation of this instance or of the whole fleet, by name; `null`: not readable. */
  utilizationAlarms: z._default(z.nullable(z.array(z.string())), null),
  unread: z.array(z.string()),
});
export type CloudEvidence = z.infer<typeof CloudEvidence>;

/**
 * What is asked of CloudWatch besides the alarm's metric, per minute over three hours, with the statistic that fits:
 * counters of the CloudWatch agent are cumulative, so their maximum is taken and its growth judged.
 */
export const watchedMetrics = [
  { namespace: "NatMedic", name: "ConntrackUtilization", stat: "Maximum" },
  { namespace: "AWS/EC2", name: "CPUUtilization", stat: "Maximum" },
  { namespace: "AWS/EC2", name: "CPUCreditBalance", stat: "Minimum" },
  { namespace: "AWS/EC2", name: "CPUSurplusCreditBalance", stat: "Maximum" },
  { namespace: "AWS/EC2", name: "NetworkIn", stat: "Sum" },
  { namespace: "AWS/EC2", name: "NetworkOut", stat: "Sum" },
  { namespace: "AWS/EC2", name: "NetworkPacketsIn", stat: "Sum" },
  { namespace: "AWS/EC2", name: "NetworkPacketsOut", stat: "Sum" },
] as const;

/** For a diagnosis that has no AWS to ask, such as `nat-medic doctor`. */
export const noCloudEvidence: CloudEvidence = {
  asked: false,
  instance: null,
  statusChecks: null,
  agent: null,
  type: null,
  largerTypes: [],
  network: null,
  metric: null,
  metrics: {},
  silentSeconds: null,
  utilizationAlarms: null,
  unread: [],
};
