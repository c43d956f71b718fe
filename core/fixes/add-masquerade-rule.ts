import { addition, outerInterface, rulesFor, rulesOf } from "../firewall-rules.ts";
import { type Fix, sendDocument } from "../fix.ts";

export const addMasqueradeRule: Fix = {
  id: "add-masquerade-rule",
  title: "Add the rule that translates the source addresses",
  risk: "medium",
  document: "ChangeFirewallRules",
  precondition:
    "The rules could be read, none masquerades all that leaves by the default route's interface, and there is one.",
  effect:
    "New connections leave with the host's own address and get answers. Rules before it keep precedence.",
  blastRadius:
    "All new connections that leave by that interface and that no other rule translates. A connection that was tried in vain works once it is tried anew.",
  verifiedBy: "A rule translates what leaves by the default route, in two windows.",
  undoing: "Exact: the rule is deleted. Connections that it translated go on until they end.",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare(evidence) {
    const read = rulesOf(evidence);
    if ("impossible" in read) return read;
    const { rules, host } = read;
    const outer = outerInterface(host);
    if ("impossible" in outer) return outer;
    const { name } = outer;
    const covers = rulesFor(rules, name).some(
      ({ source, destination, protocol }) => (source ?? destination ?? protocol) === null,
    );
    if (covers) return { impossible: `a rule translates all that leaves by ${name} already` };
    return {
      action: `Masquerade what leaves by ${name}`,
      settings: [{ setting: "rule.masquerade", before: "0", after: "1" }],
      parameters: { Fix: "add-masquerade-rule", Interface: name },
      ...addition(rules, {
        fix: "add-masquerade-rule",
        table: "nat",
        chain: "POSTROUTING",
        place: "last",
        iptables: [`-o ${name}`, "MASQUERADE"],
        nft: ["type nat hook postrouting priority 100", `oifname "${name}" masquerade`],
      }),
    };
  },
};
