import { confirmedDestination } from "../evidence/suspected-destination.ts";
import { addition, rulesOf } from "../firewall-rules.ts";
import { type Fix, sendDocument } from "../fix.ts";

export const stripTimestamps: Fix = {
  id: "strip-timestamps",
  title: "Connect to one destination without TCP timestamps",
  risk: "medium",
  document: "ChangeFirewallRules",
  precondition: "The test has shown that this destination refuses connections because of their timestamps.",
  effect:
    "New connections to that address and port carry no timestamps, so the destination cannot compare them.",
  blastRadius:
    "New connections to that one address and port. Without timestamps TCP measures round trips less often and wraps sequence numbers unprotected above some hundred Mbit/s.",
  verifiedBy: "New connections to the destination are answered, in two windows.",
  undoing: "Exact: the rule is deleted. Connections keep what they agreed on.",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare(evidence) {
    const read = rulesOf(evidence);
    if ("impossible" in read) return read;
    const { rules } = read;
    const destination = confirmedDestination(evidence);
    if ("unconfirmed" in destination) return { impossible: destination.unconfirmed };
    const { address, port } = destination;
    if (!/^[0-9.]+$/.test(address)) return { impossible: `${address} is not an IPv4 address` };
    return {
      action: `Take the TCP timestamps out of what opens connections to ${address} port ${port}`,
      settings: [{ setting: "rule.strip-timestamps", before: "0", after: "1" }],
      parameters: { Fix: "strip-timestamps", Destination: address, Port: String(port) },
      ...addition(rules, {
        fix: "strip-timestamps",
        table: "mangle",
        chain: "POSTROUTING",
        place: "first",
        iptables: [`-d ${address} -p tcp --dport ${port} --syn`, "TCPOPTSTRIP --strip-options timestamp"],
        nft: [
          "type filter hook postrouting priority -150",
          `ip daddr ${address} tcp dport ${port} tcp flags & (fin | syn | rst | ack) == syn reset tcp option timestamp`,
        ],
      }),
    };
  },
};
