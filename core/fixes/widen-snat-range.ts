import type { NatRule } from "../evidence/host.ts";
import { outerInterface, replacement, rulesFor, rulesOf } from "../firewall-rules.ts";
import { type Fix, sendDocument } from "../fix.ts";

/** What the kernel chooses from where a rule names no range, for clients' ports from 1024 on (`nf_nat_core.c`). */
const wholeRange = "1024-65535";

export const widenSnatRange: Fix = {
  id: "widen-snat-range",
  title: "Let the NAT use all source ports",
  risk: "medium",
  document: "ChangeFirewallRules",
  precondition: "The rules could be read, and one for the default route's interface names a range of ports.",
  effect: "New connections may use all of 64,512 ports for each destination at once.",
  blastRadius:
    "New connections may leave by ports outside of the old range: whoever allows only that range, such as a network ACL or a partner's firewall, refuses them.",
  verifiedBy: "No connection refused for want of a port, and the port space below 45 %, in two windows.",
  undoing: "Exact: each rule is put back as it was, in its place. Connections keep their ports.",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare(evidence) {
    const read = rulesOf(evidence);
    if ("impossible" in read) return read;
    const { rules, host } = read;
    const outer = outerInterface(host);
    if ("impossible" in outer) return outer;
    const { name } = outer;
    const changing = rulesFor(rules, name).filter(({ ports }) => ports !== null);
    if (changing.length === 0) return { impossible: `no rule for ${name} names a range of ports` };
    return {
      action: `Remove the range of ports (${changing.map(rangeOf).join(", ")}) from the rule for ${name}`,
      settings: changing.map((rule, at) => ({
        setting: at === 0 ? "rule.to-ports" : `rule.to-ports.${at + 1}`,
        before: rangeOf(rule),
        after: wholeRange,
      })),
      parameters: { Fix: "widen-snat-range", Interface: name },
      ...replacement(
        rules,
        "widen-snat-range",
        name,
        changing.map((rule) => ({ rule, rewritten: withoutRange(rule.specification) })),
      ),
    };
  },
};

const rangeOf = ({ ports }: NatRule) => (ports ?? []).join("-");

function withoutRange(specification: string): string {
  return specification
    .replace(/ --to-ports [0-9]+(-[0-9]+)?/, "")
    .replace(/( --to-source [0-9.-]+):[0-9]+(-[0-9]+)?/, "$1");
}
