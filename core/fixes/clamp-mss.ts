import { addition, rulesOf } from "../firewall-rules.ts";
import { type Fix, sendDocument } from "../fix.ts";

export const clampMss: Fix = {
  id: "clamp-mss",
  title: "Clamp the segment size to the path",
  risk: "medium",
  document: "ChangeFirewallRules",
  precondition: "The rules could be read, and none clamps the segment size yet.",
  effect:
    "New TCP connections agree on segments that fit both sides of the NAT, so nothing depends on ICMP messages that get lost.",
  blastRadius:
    "New TCP connections through this NAT, both ways: their packets are no larger than the smaller side.",
  verifiedBy: "No forwarded packet too large for its way, in two windows.",
  undoing: "Exact: the rule is deleted. Connections keep the size that they agreed on.",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare(evidence) {
    const read = rulesOf(evidence);
    if ("impossible" in read) return read;
    const { rules } = read;
    if (rules.clampsMss) return { impossible: "a rule clamps the segment size already" };
    return {
      action: "Clamp the segment size of what is forwarded to what the path carries",
      settings: [{ setting: "rule.clamp-mss", before: "0", after: "1" }],
      parameters: { Fix: "clamp-mss" },
      ...addition(rules, {
        fix: "clamp-mss",
        table: "mangle",
        chain: "FORWARD",
        place: "first",
        iptables: ["-p tcp --tcp-flags SYN,RST SYN", "TCPMSS --clamp-mss-to-pmtu"],
        nft: [
          "type filter hook forward priority -150",
          "tcp flags & (syn | rst) == syn tcp option maxseg size set rt mtu",
        ],
      }),
    };
  },
};
