/** A change of the packet filter's rules: where it is made, and how a person would make it. */

import type { HostEvidence, NatRule } from "./evidence/host.ts";
import type { Evidence } from "./evidence.ts";
import type { FixId } from "./fix.ts";

/** What our document knows as the name of an interface. */
const plainName = /^[a-z][A-Za-z0-9._]{1,14}$/;

/** Where the default route leaves; `impossible`: nobody could say, or our document could not be told. */
export function outerInterface({ interfaces }: HostEvidence): { name: string } | { impossible: string } {
  if (interfaces === null) return { impossible: "the interfaces of the host could not be read" };
  const name = interfaces.find(({ defaultRoute }) => defaultRoute)?.name;
  if (name === undefined)
    return { impossible: "the host has no default route, so no interface for the rule" };
  return plainName.test(name) ? { name } : { impossible: `the name of the interface ${name} is unusual` };
}

type Rules = NonNullable<HostEvidence["rules"]>;

/** What a change of rules is prepared from; `impossible`: it was not read. */
export function rulesOf({ host }: Evidence): { rules: Rules; host: HostEvidence } | { impossible: string } {
  if (host.status === "unread") return { impossible: "the host could not be read" };
  const { evidence } = host;
  if (evidence.rules === null) return { impossible: "the rules of the host could not be read" };
  return { rules: evidence.rules, host: evidence };
}

/** Rules that translate what leaves by this interface. */
export function rulesFor({ nat }: Rules, name: string): NatRule[] {
  return nat.filter(({ outInterface }) => outInterface === null || outInterface === name);
}

/** Who a rule of ours is added to: who holds the others. */
export function holderOf({ nat, readers }: Rules): NatRule["backend"] {
  return (
    nat[0]?.backend ??
    (readers.length > 0 && readers.every((reader) => reader === "nft") ? "nft" : "iptables-nft")
  );
}

/** `iptables` is one or the other, unless the host has both. */
export function commandOf(backend: NatRule["backend"], { readers }: Rules): string {
  const both = readers.includes("iptables-legacy") && readers.includes("iptables-nft");
  return both && backend !== "nft" ? backend : "iptables";
}

export type Addition = {
  fix: FixId;
  table: "nat" | "mangle";
  chain: "POSTROUTING" | "FORWARD";
  place: "first" | "last";
  /** Matches and target, as iptables takes them. */
  iptables: [matches: string, target: string];
  /** The hook and the statement, as nft takes them. */
  nft: [hook: string, statement: string];
};

/** The commands that add one rule of ours and take it away. */
export function addition(rules: Rules, { fix, table, chain, place, iptables, nft }: Addition) {
  const backend = holderOf(rules);
  if (backend === "nft") {
    const own = `ip nat_medic_${fix.replaceAll("-", "_")}`;
    const [hook, statement] = nft;
    const name = chain.toLowerCase();
    return {
      commands: [
        `nft add table ${own}`,
        `nft add chain ${own} ${name} '{ ${hook}; policy accept; }'`,
        `nft add rule ${own} ${name} '${statement} comment "nat-medic ${fix}"'`,
      ],
      undo: [`nft delete table ${own}`],
    };
  }
  const command = `${commandOf(backend, rules)} -t ${table}`;
  const [matches, target] = iptables;
  const rule = `${matches} -m comment --comment "nat-medic ${fix}" -j ${target}`;
  return {
    commands: [`${command} ${place === "first" ? `-I ${chain} 1` : `-A ${chain}`} ${rule}`],
    undo: [`${command} -D ${chain} ${rule}`],
  };
}

/** The commands that replace rules where they stand; those that cannot be pasted are left to our script. */
export function replacement(
  rules: Rules,
  fix: FixId,
  link: string,
  changes: readonly { rule: NatRule; rewritten: string }[],
) {
  if (changes.some(({ rule, rewritten }) => rule.backend === "nft" || rewritten === "")) {
    const script = (action: string) =>
      `SSM_Action=${action} SSM_IncidentId=inc-by-hand-${fix} SSM_Fix=${fix} SSM_Interface=${link} sh change-firewall-rules.sh`;
    return {
      commands: [
        "# finds the rules, in nftables too, and replaces each in its place: a script of NAT Medic's host folder",
        script("apply"),
      ],
      undo: [script("undo")],
    };
  }
  const replace = ({ backend }: NatRule, from: string, to: string) => {
    const command = `${commandOf(backend, rules)} -t nat`;
    const [chain = ""] = from.split(" ");
    const number = `$(${command} -S ${chain} | grep '^-A' | grep -nxF -e '-A ${from}' | head -n 1 | cut -d : -f 1)`;
    return `${command} -R ${chain} "${number}" ${to.slice(chain.length + 1)}`;
  };
  return {
    commands: changes.map(({ rule, rewritten }) => replace(rule, rule.specification, rewritten)),
    undo: changes.toReversed().map(({ rule, rewritten }) => replace(rule, rewritten, rule.specification)),
  };
}
