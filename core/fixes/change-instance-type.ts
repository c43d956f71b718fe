import type { CloudEvidence, InstanceType } from "../evidence/cloud.ts";
import type { Fix } from "../fix.ts";
import { findInstance, shortages, typeWithout } from "../instance-type.ts";
import { timeout } from "../wording.ts";

/** Proposed only: the NAT is away for as long as it takes to stop and start. */
export const changeInstanceType: Fix = {
  id: "change-instance-type",
  title: "Use an instance type that does not have this limit",
  risk: "high",
  document: null,
  precondition:
    "A limit of the present type is reached, and EC2 offers a current type of the same architecture without it.",
  effect: "The limit is further away; addresses and interfaces stay the same.",
  blastRadius:
    "Everything behind this NAT, for the minutes of a stop and a start: all its connections end. Another NAT may take over its routes meanwhile. The larger type costs more.",
  verifiedBy: "The counter of the limit stands still at a busy time.",
  undoing: "The old type in the same way, with the same interruption.",
  permissions: [],

  prepare({ host, cloud }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const larger = typeWithout(shortages(host.evidence, cloud), cloud);
    if ("impossible" in larger) return larger;
    const { present, chosen, why } = larger;
    return {
      action: `Run the NAT on ${chosen.name} instead of ${present.name}: ${why}${forgetsSooner(chosen, present)}`,
      settings: [{ setting: "instance type", before: present.name, after: chosen.name }],
      parameters: {},
      commands: changeTo(chosen.name, cloud),
      undo: changeTo(present.name, cloud),
    };
  },
};

/** Since Nitro v6 the security group layer's default is 350 s: whoever moves there should know before. */
function forgetsSooner(chosen: InstanceType, present: InstanceType): string {
  const sooner = chosen.defaultTcpEstablished;
  const isSooner = sooner !== null && sooner < (present.defaultTcpEstablished ?? Number.POSITIVE_INFINITY);
  return isSooner
    ? ` (the new type's interface forgets idle connections after ${timeout(sooner)} unless it is set otherwise)`
    : "";
}

function changeTo(type: string, cloud: CloudEvidence): string[] {
  const group = cloud.instance?.autoScalingGroup ?? null;
  if (group !== null) {
    return [
      `# ${group} makes this instance anew: set the type in its launch template, then`,
      `aws autoscaling start-instance-refresh --auto-scaling-group-name ${group}`,
    ];
  }
  return [
    findInstance(cloud),
    'aws ec2 stop-instances --instance-ids "$INSTANCE" && aws ec2 wait instance-stopped --instance-ids "$INSTANCE"',
    `aws ec2 modify-instance-attribute --instance-id "$INSTANCE" --instance-type Value=${type}`,
    'aws ec2 start-instances --instance-ids "$INSTANCE" && aws ec2 wait instance-status-ok --instance-ids "$INSTANCE"',
  ];
}
