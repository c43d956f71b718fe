/**
 * What the security groups of the NAT refuse. They keep state, so answers need no rule: clients have to be admitted in,
 * and the NAT let out. What only some ports are open for is somebody's choice as long as those are used.
 */
import { type AddressRange, everyAddress, internetWithin, liesIn, parseBlock, without } from "./address.ts";
import { likely, type Severity } from "./cause.ts";
import { natPath } from "./evidence/nat-path.ts";
import type { SecurityGroupRule } from "./evidence/network.ts";
import type { Evidence } from "./evidence.ts";
import { tcp } from "./network-acl.ts";
import { percent, whole } from "./wording.ts";

export type Gap = {
  /** The first of the interface's groups: where a rule would be added. */
  groupId: string;
  interfaceId: string;
  egress: boolean;
  /** `null`: all protocols. */
  port: number | null;
  cidr: string;
  observed: string;
  confidence: number;
  severity: Severity;
};

/** The web, without which a NAT is seldom wanted. */
const https = 443;
/** Entries that try in vain to reach one server: fewer are somebody's typing error. */
const triedInVain = 20;

/** `null` where AWS did not tell enough to know. */
export function groupGaps(evidence: Evidence): Gap[] | null {
  const path = natPath(evidence.cloud);
  if (path === null) return null;
  return [...inboundGaps(path, evidence), ...outboundGaps(path, evidence)];
}

type Path = NonNullable<ReturnType<typeof natPath>>;

function inboundGaps({ network, clients }: Path, evidence: Evidence): Gap[] {
  const seen = new Set<string>();
  return clients.flatMap(({ subnet, inside }): Gap[] => {
    const block = parseBlock(subnet.cidr);
    const [groupId] = inside.securityGroupIds;
    if (block === undefined || groupId === undefined || seen.has(subnet.id)) return [];
    seen.add(subnet.id);
    const rules = rulesOf(network.securityGroupRules, inside.securityGroupIds, false);
    // Whoever a group or a prefix list stands for was not looked at: it may well be these clients.
    if (rules.some(({ cidr }) => cidr === null)) return [];
    const gap = { groupId, interfaceId: inside.id, egress: false, cidr: subnet.cidr };
    if (size(left([block], rules)) === size([block])) {
      const observed = `nothing is admitted from ${subnet.cidr}, whose routes lead here`;
      return [{ ...gap, port: null, observed, confidence: 0.97, severity: "critical" }];
    }
    const refused = left([block], rules.filter(opens(https)));
    const share = Number(size(refused)) / Number(size([block]));
    if (share === 0 || usesTheNat(subnet.cidr, evidence)) return [];
    const observed = `TCP ${https} is not admitted from ${percent(share)} of ${subnet.cidr}, and none of its clients uses the NAT`;
    return [{ ...gap, port: https, observed, confidence: 0.4, severity: "warning" }];
  });
}

function outboundGaps({ network, outside }: Path, { host }: Evidence): Gap[] {
  const [groupId] = outside.securityGroupIds;
  if (groupId === undefined) return [];
  const rules = rulesOf(network.securityGroupRules, outside.securityGroupIds, true);
  const gap = { groupId, interfaceId: outside.id, egress: true };
  const internet = internetWithin(everyAddress(4));
  const all = "0.0.0.0/0";
  if (rules.every(({ cidr }) => cidr !== null) && size(left(internet, rules)) === size(internet)) {
    const observed = "nothing is let out to the internet";
    return [{ ...gap, port: null, cidr: all, observed, confidence: 0.97, severity: "critical" }];
  }
  const table = host.status === "read" ? host.evidence.table : null;
  const vain = (table?.unansweredDestinations ?? []).flatMap(
    ({ protocol, address, port, entries }): Gap[] => {
      const block = parseBlock(address);
      if (protocol !== "tcp" || block === undefined || entries < triedInVain) return [];
      if (network.cidrs.some((cidr) => liesIn(address, cidr))) return [];
      const open = rules.filter(opens(port));
      if (open.some(({ cidr }) => cidr === null) || left([block], open).length === 0) return [];
      const observed = `TCP ${port} to ${address} is not let out, and ${whole(entries)} connections try it in vain`;
      const cidr = `${address}/${block.family === 4 ? 32 : 128}`;
      const isWeb = port === https || port === 80;
      return [
        {
          ...gap,
          port,
          cidr,
          observed,
          confidence: isWeb ? 0.95 : 0.6,
          severity: isWeb ? "critical" : "warning",
        },
      ];
    },
  );
  if (vain.length > 0) return vain;
  const forHttps = rules.filter(opens(https));
  const shut =
    forHttps.every(({ cidr }) => cidr !== null) && size(left(internet, forHttps)) === size(internet);
  const others = (table?.destinations ?? []).some(({ port }) => port !== https);
  if (!shut || others) return [];
  const observed = `TCP ${https} is not let out to the internet`;
  return [{ ...gap, port: https, cidr: all, observed, confidence: 0.4, severity: "warning" }];
}

const rulesOf = (rules: readonly SecurityGroupRule[], groupIds: readonly string[], egress: boolean) =>
  rules.filter((rule) => rule.egress === egress && groupIds.includes(rule.groupId));

const opens =
  (port: number) =>
  ({ protocol, ports }: SecurityGroupRule): boolean =>
    protocol === null || (protocol === tcp && (ports === null || (ports[0] <= port && port <= ports[1])));

/** What of the addresses no rule speaks of. */
function left(addresses: readonly AddressRange[], rules: readonly SecurityGroupRule[]): AddressRange[] {
  return rules
    .flatMap(({ cidr }) => (cidr === null ? [] : (parseBlock(cidr) ?? [])))
    .reduce<AddressRange[]>(without, [...addresses]);
}

const size = (ranges: readonly AddressRange[]): bigint =>
  ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n);

function usesTheNat(cidr: string, { host }: Evidence): boolean {
  const sources = host.status === "read" ? (host.evidence.table?.sources ?? []) : [];
  return sources.some(([address]) => liesIn(address, cidr));
}

/** Those that are held to be faults, not choices. */
export const faults = (gaps: readonly Gap[]): Gap[] => gaps.filter(({ confidence }) => confidence >= likely);
