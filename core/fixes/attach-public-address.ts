import { natPath } from "../evidence/nat-path.ts";
import type { Fix } from "../fix.ts";

export const attachPublicAddress: Fix = {
  id: "attach-public-address",
  title: "Give the NAT instance a public address",
  risk: "medium",
  document: null,
  precondition: "The interface has no public address, and an Elastic IP is free or may be allocated.",
  effect: "At once: the internet gateway translates for the NAT. No connection is interrupted.",
  blastRadius:
    "The NAT instance becomes reachable from the internet as far as its security group and network ACL allow. The address costs money by the hour.",
  verifiedBy: "EC2 shows the public address, and connections succeed.",
  undoing:
    "The address is taken off and released; the same one can hardly be had again, so whoever allowed it elsewhere has to change that.",
  permissions: [],

  prepare({ cloud }) {
    const path = natPath(cloud);
    if (path === null) return { impossible: "the instance's network could not be read from EC2" };
    const { outside } = path;
    const [address] = outside.privateAddresses;
    if (outside.publicAddress !== null) return { impossible: `${outside.id} has ${outside.publicAddress}` };
    if (address === undefined) return { impossible: `${outside.id} has no private IPv4 address` };
    const filter = `--filters Name=network-interface-id,Values=${outside.id} Name=private-ip-address,Values=${address}`;
    return {
      action: `Allocate an Elastic IP and associate it with ${address} on ${outside.id}`,
      settings: [{ setting: `${outside.id} public address`, before: "none", after: "a new Elastic IP" }],
      parameters: {},
      commands: [
        "allocation=$(aws ec2 allocate-address --domain vpc --query AllocationId --output text)",
        `aws ec2 associate-address --allocation-id "$allocation" --network-interface-id ${outside.id} --private-ip-address ${address}`,
      ],
      undo: [
        `allocation=$(aws ec2 describe-addresses ${filter} --query 'Addresses[0].AllocationId' --output text)`,
        `association=$(aws ec2 describe-addresses ${filter} --query 'Addresses[0].AssociationId' --output text)`,
        'aws ec2 disassociate-address --association-id "$association"',
        'aws ec2 release-address --allocation-id "$allocation"',
      ],
    };
  },
};
