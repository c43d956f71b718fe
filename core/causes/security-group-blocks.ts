import { awsNotAsked, type Cause, type Judgement, type Observation } from "../cause.ts";
import { natPath, unreadNetwork } from "../evidence/nat-path.ts";
import type { Evidence } from "../evidence.ts";
import { faults, type Gap, groupGaps } from "../group-gaps.ts";

/**
 * The NAT's security group does not admit a subnet whose routes lead to it, or does not let out what clients ask for.
 * Settled by the groups' rules against those routes and against what the NAT's table shows being tried in vain.
 * Looks alike: a group that is narrow on purpose. Where only some ports are open and used, nothing is found.
 */
export const securityGroupBlocks: Cause = {
  id: "security-group-blocks",
  title: "The NAT's security group refuses the traffic of its clients",
  symptom: "Some clients or some protocols fail always, others never.",
  fixes: ["open-security-group"],

  judge(evidence): Judgement {
    if (!evidence.cloud.asked) return awsNotAsked;
    const gaps = groupGaps(evidence);
    if (gaps === null) return { verdict: "unknown", missing: unreadNetwork(evidence.cloud) };
    const [worst] = [...gaps].sort((a, b) => b.confidence - a.confidence);
    if (worst === undefined) return { verdict: "absent", evidence: admitted(evidence) };
    const isHypothesis = faults([worst]).length === 0;
    const told = isHypothesis ? gaps : faults(gaps);
    return {
      verdict: "present",
      confidence: worst.confidence,
      severity: told.some(({ severity }) => severity === "critical") ? "critical" : "warning",
      evidence: told.slice(0, mostTold).map(observe),
      advice: isHypothesis
        ? ["This looks meant: ask whoever wrote the rules before anything is changed."]
        : [
            "Security groups keep state: only the first packet of a connection needs a rule, its answers need none.",
          ],
    };
  },

  verify: null,
};

const mostTold = 10;

const observe = ({ groupId, interfaceId, egress, observed, cidr }: Gap): Observation => ({
  signal: `${egress ? "outbound" : "inbound"} rules of ${groupId} (${interfaceId})`,
  observed,
  expected: egress ? "what clients ask for is let out" : `the NAT's clients in ${cidr} are admitted`,
});

function admitted({ cloud }: Evidence): Observation[] {
  const path = natPath(cloud);
  if (path === null) return [];
  const { clients, outside, network } = path;
  const groups = new Set(
    [...clients.map(({ inside }) => inside), outside].flatMap((at) => at.securityGroupIds),
  );
  const peers = network.securityGroupRules.filter(
    ({ peer, groupId }) => peer !== null && groups.has(groupId),
  );
  const subnets = new Set(clients.map(({ subnet }) => subnet.cidr));
  const evidence: Observation[] = [
    {
      signal: `rules of ${[...groups].join(", ")}`,
      observed: `${subnets.size === 0 ? "no client subnet leads here" : `${[...subnets].join(", ")} admitted`}; let out to the internet`,
      expected: "every client subnet admitted, and out to the internet",
    },
  ];
  if (peers.length > 0) {
    evidence.push({
      signal: "rules that name a group or a prefix list",
      observed: `${[...new Set(peers.map(({ peer }) => peer))].join(", ")}: who that is was not looked at`,
      expected: "the NAT's clients among them",
    });
  }
  return evidence;
}
