/** The entries that would let pass what is denied: added before the rule that denies it, replacing none. */
import type { AclEntry, NetworkAcl } from "../evidence/network.ts";
import { defaultRule } from "../network-acl.ts";
import type { Denial } from "./denials.ts";
import { type Ports, union } from "./ports.ts";

export type NewEntry = {
  aclId: string;
  egress: boolean;
  protocol: number;
  ports: Ports;
  cidr: string;
  number: number;
  /** The rule that denies it today. */
  decidedBy: number;
};

export type Openings = {
  entries: NewEntry[];
  /** Denials before which no number is free, as sentences. */
  blocked: string[];
  /** ACLs that would hold more rules in one direction than EC2 allows without asking. */
  overQuota: string[];
};

/** Rules per direction and family, by default; EC2 raises it up to 40 on request (Amazon VPC quotas). */
const quota = 20;
/** What people leave between two rules (the VPC guide recommends 10 or 100). */
const step = 10;

export function openingsFor(denials: readonly Denial[], acls: readonly NetworkAcl[]): Openings {
  const openings: Openings = { entries: [], blocked: [], overQuota: [] };
  for (const { denial, ports } of grouped(denials)) {
    const { aclId, egress, protocol, cidr, rule } = denial;
    const family = cidr.includes(":") ? 6 : 4;
    const present = (acls.find(({ id }) => id === aclId)?.entries ?? []).filter(
      (entry) => entry.egress === egress && entry.number < defaultRule[4],
    );
    const taken = new Set([
      ...present.map(({ number }) => number),
      ...openings.entries
        .filter((entry) => entry.aclId === aclId && entry.egress === egress)
        .map(({ number }) => number),
    ]);
    for (const range of ports) {
      const number = rule >= defaultRule[4] ? afterLast(taken) : freeBelow(rule, taken);
      if (number === undefined) {
        openings.blocked.push(
          `in ${aclId} no rule number is free before ${egress ? "outbound" : "inbound"} rule ${rule}: give that rule a higher number first`,
        );
        break;
      }
      taken.add(number);
      openings.entries.push({ aclId, egress, protocol, ports: range, cidr, number, decidedBy: rule });
    }
    const size = present.filter((entry) => isOfFamily(entry, family)).length + ports.length;
    if (size > quota && !openings.overQuota.includes(aclId)) openings.overQuota.push(aclId);
  }
  return openings;
}

/** One group per rule that denies: on different hops it may deny the same or neighbouring ports. */
function grouped(denials: readonly Denial[]): { denial: Denial; ports: Ports[] }[] {
  const groups = new Map<string, { denial: Denial; ports: Ports[] }>();
  for (const denial of denials) {
    const key = [denial.aclId, denial.egress, denial.protocol, denial.cidr, denial.rule].join(" ");
    const ports = union([...(groups.get(key)?.ports ?? []), denial.ports]);
    groups.set(key, { denial, ports });
  }
  return [...groups.values()];
}

/** The nearest before it, so that every rule which decides something else earlier keeps doing so. */
function freeBelow(rule: number, taken: ReadonlySet<number>): number | undefined {
  for (let number = rule - 1; number >= 1; number--) if (!taken.has(number)) return number;
  return undefined;
}

function afterLast(taken: ReadonlySet<number>): number | undefined {
  const last = Math.max(0, ...taken);
  const round = (Math.floor(last / step) + 1) * step;
  return round < defaultRule[4] ? round : freeBelow(defaultRule[4], taken);
}

const isOfFamily = ({ cidr }: AclEntry, family: 4 | 6) => cidr.includes(":") === (family === 6);

export function createCommand({ aclId, egress, number, protocol, ports, cidr }: NewEntry): string {
  const block = cidr.includes(":") ? `--ipv6-cidr-block ${cidr}` : `--cidr-block ${cidr}`;
  return (
    `aws ec2 create-network-acl-entry --network-acl-id ${aclId} ${egress ? "--egress" : "--ingress"} ` +
    `--rule-number ${number} --protocol ${protocol} --port-range From=${ports[0]},To=${ports[1]} ` +
    `${block} --rule-action allow`
  );
}

export const deleteCommand = ({ aclId, egress, number }: NewEntry): string =>
  `aws ec2 delete-network-acl-entry --network-acl-id ${aclId} ${egress ? "--egress" : "--ingress"} --rule-number ${number}`;
