import { awsNotAsked, type Cause, type Judgement, likely, type Observation } from "../cause.ts";
import { unreadNetwork } from "../evidence/nat-path.ts";
import { type Assessment, assess, type Denial, type Loss } from "../network-acl/denials.ts";
import { hopText } from "../network-acl/hops.ts";
import { type Ports, portCount, portText } from "../network-acl/ports.ts";
import { type Weighed, weigh } from "../network-acl/weight.ts";
import { defaultRule, tcp } from "../network-acl.ts";
import { percent, whole } from "../wording.ts";

/**
 * A network ACL keeps no state, so answers need a rule of their own for every port that a client or the NAT may have
 * chosen. Settled by EC2's own description of the ACLs, evaluated for all ports and addresses at once.
 * Looks alike: exhausted SNAT ports and a full table (there the host's counters move; here they stand still), and a
 * restriction that is meant, which is why what is not asked for is never missed.
 */
export const networkAclBlocksEphemeralPorts: Cause = {
  id: "network-acl-blocks-ephemeral-ports",
  title: "A network ACL drops answers on some ephemeral ports",
  symptom: "A constant share of connections fails; trying again works, from another port.",
  fixes: ["open-network-acl"],

  judge(evidence): Judgement {
    if (!evidence.cloud.asked) return awsNotAsked;
    const assessment = assess(evidence);
    if (assessment === null) return { verdict: "unknown", missing: unreadNetwork(evidence.cloud) };
    const found = weigh(assessment);
    const [worst] = found;
    if (worst !== undefined) {
      const { confidence, severity, title } = worst;
      return { verdict: "present", confidence, severity, title, ...tell(assessment, found, worst) };
    }
    if (assessment.unknown.length > 0) {
      return {
        verdict: "unknown",
        missing: `the network ACL of ${assessment.unknown.join(", ")} could not be read`,
      };
    }
    const passes: Observation = {
      signal: "ephemeral ports through the network ACLs",
      observed: `all that clients use pass ${assessment.aclIds.join(", ")} in both directions`,
      expected: "all",
    };
    return { verdict: "absent", evidence: [passes, ...pathMtu(assessment)] };
  },

  verify: null,
};

function tell(assessment: Assessment, found: readonly Weighed[], worst: Weighed) {
  const told = found.filter(({ confidence }) => confidence >= likely === worst.confidence >= likely);
  const evidence = told.flatMap(({ denials }) => denials.slice(0, mostTold).map(denied));
  const answers = told.some(({ denials }) => denials.some((denial) => assessment.answers.includes(denial)));
  if (answers) evidence.push(...losses(assessment));
  evidence.push(...pathMtu(assessment));
  return { evidence, advice: advice(assessment, worst) };
}

/** Per finding: a rule that is missing shows on many hops at once. */
const mostTold = 6;

function denied({ hop, aclId, rule, protocol, ports, cidr, subnetIds, egress }: Denial): Observation {
  const direction = egress ? "outbound" : "inbound";
  const by =
    rule >= defaultRule[4]
      ? `no ${direction} rule allows it, so the default denies it`
      : `${direction} rule ${rule} denies it`;
  const of = subnetIds.length === 0 ? "" : `, for ${subnetIds.join(", ")}`;
  const end = cidr === "0.0.0.0/0" || cidr === "::/0" ? "" : egress ? ` to ${cidr}` : ` from ${cidr}`;
  return {
    signal: `${hopText(hop)} (${aclId}${of})`,
    observed: `${protocol === tcp ? "TCP" : "UDP"} ${portsText(ports)}${end}: ${by}`,
    expected: "allowed",
  };
}

const portsText = (ports: Ports) =>
  portCount([ports]) === 1
    ? `port ${portText(ports)}`
    : `ports ${portText(ports)} (${whole(portCount([ports]))})`;

/** The worst per kind of client: what share of its connections fails. */
function losses({ losses: all, remapped }: Assessment): Observation[] {
  const worst = new Map<string, Loss>();
  for (const loss of all) {
    if (loss.share >= (worst.get(loss.kind.who)?.share ?? 0)) worst.set(loss.kind.who, loss);
  }
  const changed = remapped === 0 ? "" : `, with ${percent(remapped)} of the ports changed by the NAT`;
  return [...worst.values()].map(({ kind, share }) => ({
    signal: `expected failures: ${kind.who} (${portText(kind.ports)})`,
    observed: `${oneOf(share)}${changed}`,
    expected: "none",
  }));
}

/** One in 64,512 is nothing in percent. */
function oneOf(share: number): string {
  if (share === 0) return "none";
  return share >= 0.001 ? `${percent(share)} of new connections` : `1 of ${whole(1 / share)} new connections`;
}

function pathMtu({ pathMtu: hops }: Assessment): Observation[] {
  if (hops.length === 0) return [];
  return [
    {
      signal: "ICMP messages that path MTU discovery needs (type 3, code 4)",
      observed: `denied on ${hops.map(({ hop, aclId }) => `hop ${hop} (${aclId})`).join(", ")}`,
      expected: "allowed; it matters where a path has a smaller MTU",
    },
  ];
}

function advice(assessment: Assessment, { severity, denials, confidence }: Weighed): string[] {
  const sentences: string[] = [];
  if (confidence < likely) {
    sentences.push("This looks meant: ask whoever wrote the rule before anything is changed.");
    return sentences;
  }
  if (denials.some((denial) => assessment.answers.includes(denial))) {
    sentences.push(
      "A new connection that gets another port works; trying again from the same port fails again, so the failures look random.",
    );
    if (severity === "warning" && assessment.losses.every(({ share }) => share < 0.001)) {
      sentences.push(
        "Where the rule has to stay, keep its port out of use instead: net.ipv4.ip_local_reserved_ports on the clients, and a port range without it in the NAT's rule.",
      );
    }
  }
  sentences.push(
    "Network ACLs keep no state: every request needs a rule one way and its answer a rule the other way.",
  );
  return sentences;
}
