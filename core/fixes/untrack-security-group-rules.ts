import type { CloudEvidence } from "../evidence/cloud.ts";
import { lacksRoom, leavesUntracked } from "../evidence/security-group-tracking.ts";
import type { Fix } from "../fix.ts";

const chain = "nat-medic-inbound";

/**
 * Proposed only: the group no longer guards the instance, so the instance has to guard itself. TCP only: that is what
 * fills the layer's table.
 */
export const untrackSecurityGroupRules: Fix = {
  id: "untrack-security-group-rules",
  title: "Let the security group layer track less",
  risk: "high",
  document: null,
  precondition:
    "The security group layer has no room left, and its rules are narrower than everything in both directions, which is what makes it track.",
  effect:
    "New TCP connections are no longer tracked outside the host, so that limit is gone. Those that exist stay tracked until they end.",
  blastRadius:
    "Whatever the security group kept away reaches the instance: iptables on the host keeps new connections from outside the VPC away instead. SSH by its public address ends with that.",
  verifiedBy: "conntrack_allowance_exceeded stands still and conntrack_allowance_available rises.",
  undoing: "The two rules are revoked. Connections that were untracked then end at once.",
  permissions: [],

  prepare({ host, cloud }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    if (!lacksRoom(host.evidence, cloud)) return { impossible: "the security group layer has room by now" };
    const untracked = leavesUntracked(cloud);
    const group = cloud.instance?.interfaces[0]?.securityGroupIds[0];
    const inside = cloud.network?.cidrs.filter((cidr) => !cidr.includes(":")) ?? [];
    if (untracked === undefined || group === undefined || inside.length === 0) {
      return { impossible: "the security group's rules are unknown" };
    }
    if (untracked) return { impossible: "the rules leave TCP untracked already" };
    const missing = directions.filter(({ egress }) => !isOpen(cloud, group, egress));
    const permission = "IpProtocol=tcp,FromPort=0,ToPort=65535,IpRanges=[{CidrIp=0.0.0.0/0}]";
    return {
      action: `Open ${group} for all TCP in both directions, so that it is not tracked, and keep strangers away on the host instead`,
      settings: missing.map(({ name }) => ({
        setting: `${group} ${name}`,
        before: "narrow",
        after: "all TCP",
      })),
      parameters: {},
      commands: [
        "# first, on the NAT instance: no new connections from outside the VPC",
        `iptables -N ${chain}`,
        `iptables -A ${chain} -i lo -j RETURN`,
        ...inside.map((cidr) => `iptables -A ${chain} -s ${cidr} -j RETURN`),
        `iptables -A ${chain} -m conntrack --ctstate NEW -j DROP`,
        `iptables -I INPUT 1 -j ${chain} && iptables -I FORWARD 1 -j ${chain}`,
        "# then, from anywhere:",
        ...missing.map(
          ({ name }) =>
            `aws ec2 authorize-security-group-${name} --group-id ${group} --ip-permissions '${permission}'`,
        ),
      ],
      undo: [
        ...missing.map(
          ({ name }) =>
            `aws ec2 revoke-security-group-${name} --group-id ${group} --ip-permissions '${permission}'`,
        ),
        `iptables -D FORWARD -j ${chain}; iptables -D INPUT -j ${chain}; iptables -F ${chain}; iptables -X ${chain}`,
      ],
    };
  },
};

const directions = [
  { name: "ingress", egress: false },
  { name: "egress", egress: true },
] as const;

/** EC2 refuses a rule that is there already. */
function isOpen({ network }: CloudEvidence, group: string, egress: boolean): boolean {
  return (network?.securityGroupRules ?? []).some(
    (rule) =>
      rule.groupId === group && rule.egress === egress && rule.protocol === null && rule.cidr === "0.0.0.0/0",
  );
}
