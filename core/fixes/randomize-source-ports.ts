import { portSpaces, usedUp } from "../evidence/port-space.ts";
import { outerInterface, replacement, rulesFor, rulesOf } from "../firewall-rules.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { whole } from "../wording.ts";

export const randomizeSourcePorts: Fix = {
  id: "randomize-source-ports",
  title: "Let the NAT choose random source ports",
  risk: "low",
  document: "ChangeFirewallRules",
  precondition:
    "The rules could be read, and one for the default route's interface keeps the clients' own ports.",
  effect:
    "New connections no longer add to one dense block of ports, which dissolves as the old ones end. From then on none fails up to about 87 % of a destination's ports, instead of 1 % at half and 3 % at 87 %. It helps below about 90 % and not at 100 %: then only more addresses or fewer connections do.",
  blastRadius: "New connections leave by other ports than the clients chose; those that exist keep theirs.",
  verifiedBy: "No connection refused for want of a port, in two windows.",
  undoing: "Exact: each rule is put back as it was, in its place. Connections keep their ports.",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare(evidence) {
    const read = rulesOf(evidence);
    if ("impossible" in read) return read;
    const { rules, host } = read;
    if (portSpaces(host)?.some(({ occupancy }) => occupancy >= usedUp)) {
      return {
        impossible: "the ports towards one destination are used up, and random ones would fail as often",
      };
    }
    const outer = outerInterface(host);
    if ("impossible" in outer) return outer;
    const { name } = outer;
    const ours = rulesFor(rules, name);
    if (ours.length === 0) return { impossible: `no rule translates what leaves by ${name}` };
    const changing = ours.filter(({ random }) => random === "no");
    if (changing.length === 0) return { impossible: "the ports are random already" };
    const changes = changing.map((rule) => ({ rule, rewritten: randomized(rule.specification) }));
    return {
      action:
        changes.length === 1
          ? `Add --random-fully to the rule for ${name}`
          : `Add --random-fully to the ${whole(changes.length)} rules for ${name}`,
      settings: [{ setting: "rule.random-fully", before: "0", after: "1" }],
      parameters: { Fix: "randomize-source-ports", Interface: name },
      ...replacement(rules, "randomize-source-ports", name, changes),
    };
  },
};

/** In the order in which iptables prints the options, so that the rule is found again. */
function randomized(specification: string): string {
  if (specification === "") return "";
  return specification.endsWith(" --persistent")
    ? specification.replace(/ --persistent$/, " --random-fully --persistent")
    : `${specification} --random-fully`;
}
