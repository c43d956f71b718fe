import type { Fix } from "../fix.ts";
import { faults, type Gap, groupGaps } from "../group-gaps.ts";

export const openSecurityGroup: Fix = {
  id: "open-security-group",
  title: "Allow the clients in the security group",
  risk: "medium",
  document: null,
  precondition: "What is refused is not meant to be.",
  effect: "At once for new connections. No connection is interrupted.",
  blastRadius: "Every instance in the security group, not the NAT alone.",
  verifiedBy:
    "The next diagnosis reads the rules again; connections of these clients appear in the NAT's table.",
  undoing: "Exact: the rules that were added are revoked.",
  permissions: [],

  prepare(evidence) {
    const gaps = groupGaps(evidence);
    if (gaps === null) return { impossible: "the security groups could not be read" };
    const found = faults(gaps);
    if (found.length === 0) return { impossible: "no rule is missing that clients are known to need" };
    const commands = found.map((gap) => command("authorize", gap));
    return {
      action: `Add ${found.map(sentence).join(", ")}`,
      settings: [],
      parameters: {},
      commands,
      undo: found.map((gap) => command("revoke", gap)).reverse(),
    };
  },
};

function command(verb: "authorize" | "revoke", { groupId, egress, port, cidr }: Gap): string {
  const what = port === null ? "IpProtocol=-1" : `IpProtocol=tcp,FromPort=${port},ToPort=${port}`;
  const ranges = cidr.includes(":") ? `Ipv6Ranges=[{CidrIpv6=${cidr}}]` : `IpRanges=[{CidrIp=${cidr}}]`;
  const direction = egress ? "egress" : "ingress";
  return `aws ec2 ${verb}-security-group-${direction} --group-id ${groupId} --ip-permissions '${what},${ranges}'`;
}

function sentence({ groupId, egress, port, cidr }: Gap): string {
  const what = port === null ? "everything" : `TCP ${port}`;
  return `${egress ? "an outbound" : "an inbound"} rule to ${groupId} allowing ${what} ${egress ? "to" : "from"} ${cidr}`;
}
