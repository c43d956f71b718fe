/** Which instance type does not have the limit that is in the way: the smallest of those that EC2 offers. */
import { agentHistory, exceeded, recentGrowth } from "./evidence/allowances.ts";
import type { CloudEvidence, InstanceType } from "./evidence/cloud.ts";
import { cpuCredits } from "./evidence/cpu.ts";
import type { HostEvidence } from "./evidence/host.ts";
import { isBusyForwarding, isThrottled, lostInBacklog, lostOnArrival } from "./evidence/path-load.ts";
import { lacksRoom } from "./evidence/security-group-tracking.ts";
import { peakGbps } from "./evidence/throughput.ts";
import { gigabits } from "./wording.ts";

/** What is short on the present type. */
type Shortage = "bandwidth" | "packets" | "connections" | "cpu";

export function shortages(host: HostEvidence, cloud: CloudEvidence): Shortage[] {
  const grew = (allowance: "bw_in" | "bw_out" | "pps") =>
    (exceeded(host, allowance)?.growth ?? 0) > 0 ||
    recentGrowth(agentHistory(cloud, `${allowance}_allowance_exceeded`)) > 0;
  const short: Shortage[] = [];
  if (grew("bw_in") || grew("bw_out")) short.push("bandwidth");
  if (grew("pps")) short.push("packets");
  if (lacksRoom(host, cloud)) short.push("connections");
  const loses = lostOnArrival(host).hurts || lostInBacklog(host)?.hurts === true;
  if (loses || isBusyForwarding(host) || isThrottled(host) || cpuCredits(cloud) === "gone") short.push("cpu");
  return short;
}

/** The demand was clipped by the limit that it met, so the next limit must be well above it. */
const room = 1.25;
/** Where AWS publishes no figure (packets, tracked connections) they grow with the size: the next one up. */
const nextSize = 2;

type Larger = { present: InstanceType; chosen: InstanceType; why: string };

/** The first of `largerTypes` (the smallest first) that has none of the shortages; or why there is none. */
export function typeWithout(
  shortages: readonly Shortage[],
  cloud: CloudEvidence,
): Larger | { impossible: string } {
  const { type: present, largerTypes } = cloud;
  if (present === null) return { impossible: "EC2 did not say what the present type can do" };
  if (shortages.length === 0) return { impossible: "no limit of the type is reached by now" };
  const chosen = largerTypes.find(
    (candidate) =>
      candidate.name !== present.name &&
      candidate.currentGeneration &&
      candidate.architecture === present.architecture &&
      shortages.every((shortage) => isWithout[shortage](candidate, present, cloud)),
  );
  if (chosen === undefined) {
    return {
      impossible: `EC2 named no current type like ${present.name} that is large enough: use several NAT instances, one per Availability Zone`,
    };
  }
  return { present, chosen, why: `${figures(present)} now, ${figures(chosen)} then` };
}

type Test = (candidate: InstanceType, present: InstanceType, cloud: CloudEvidence) => boolean;

const isWithout: Readonly<Record<Shortage, Test>> = {
  bandwidth: (candidate, present, cloud) => {
    const before = present.baselineGbps ?? 0;
    const demand = Math.max(room * (peakGbps(cloud) ?? 0), nextSize * before);
    return (candidate.baselineGbps ?? 0) >= demand && (candidate.baselineGbps ?? 0) > before;
  },
  packets: (candidate, present) => (candidate.baselineGbps ?? 0) >= nextSize * (present.baselineGbps ?? 0),
  connections: (candidate, present) => candidate.memoryMiB >= nextSize * present.memoryMiB,
  // A type of the same size that is not throttled is enough for who ran out of credits.
  cpu: (candidate, present) =>
    present.burstable ? !candidate.burstable : candidate.vCpus >= nextSize * present.vCpus,
};

/** EC2 lets so much through an internet gateway where a type has fewer than 32 vCPUs. */
const internetGbps = 5;
const largeType = 32;

/** What a person compares. */
export function figures({
  name,
  vCpus,
  memoryMiB,
  baselineGbps,
  peakGbps: peak,
  burstable,
}: InstanceType): string {
  const network = [
    baselineGbps === null ? "bandwidth not published" : `${gigabits(baselineGbps)} for good`,
    ...(peak === null || peak === baselineGbps ? [] : [`${gigabits(peak)} for a while`]),
    ...(vCpus < largeType && (peak ?? 0) > internetGbps ? [`${internetGbps} Gbit/s to the internet`] : []),
  ].join(", ");
  return `${name} (${vCpus} vCPUs${burstable ? " with credits" : ""}, ${memoryMiB / 1024} GiB, ${network})`;
}

/** A line that sets INSTANCE for the commands after it: the evidence knows the interface, not the instance's ID. */
export function findInstance({ instance }: CloudEvidence): string {
  const [card] = instance?.interfaces ?? [];
  return card === undefined
    ? "INSTANCE=i-… # the NAT instance"
    : `INSTANCE=$(aws ec2 describe-network-interfaces --network-interface-ids ${card.id} --query 'NetworkInterfaces[0].Attachment.InstanceId' --output text)`;
}
