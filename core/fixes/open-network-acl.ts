import { likely } from "../cause.ts";
import type { Fix } from "../fix.ts";
import { assess } from "../network-acl/denials.ts";
import { createCommand, deleteCommand, type NewEntry, openingsFor } from "../network-acl/opening.ts";
import { portText } from "../network-acl/ports.ts";
import { weigh } from "../network-acl/weight.ts";
import { tcp } from "../network-acl.ts";

/** Adds entries and replaces none: taking them out again is the exact way back. */
export const openNetworkAcl: Fix = {
  id: "open-network-acl",
  title: "Allow the ephemeral ports in the network ACL",
  risk: "medium",
  document: null,
  precondition: "The rule that denies them is not meant to, and a rule number before it is free.",
  effect: "At once: the next answer on these ports passes. No connection is interrupted.",
  blastRadius:
    "Every subnet of the network ACL. It lets in more than answers, since an ACL cannot tell them apart; security groups still do.",
  verifiedBy: "The next diagnosis reads the ACLs again and finds every port allowed.",
  undoing: "Exact: the entries that were added are deleted by number and direction.",
  permissions: [],

  prepare(evidence) {
    const assessment = assess(evidence);
    const { network } = evidence.cloud;
    if (assessment === null || network === null) return { impossible: "the network ACLs could not be read" };
    // What is most likely meant is not opened.
    const denials = weigh(assessment)
      .filter(({ confidence }) => confidence >= likely)
      .flatMap((found) => found.denials);
    if (denials.length === 0) return { impossible: "no network ACL denies what clients are known to need" };
    const { entries, blocked, overQuota } = openingsFor(denials, network.acls);
    if (entries.length === 0) return { impossible: blocked.join("; ") };
    const remarks = [
      ...blocked,
      ...overQuota.map(
        (id) => `${id} then has more than the 20 rules a direction that EC2 allows by default`,
      ),
    ];
    const remark = remarks.length === 0 ? "" : `. Mind: ${remarks.join("; ")}`;
    return {
      action: `Add ${entries.map(sentence).join(", ")}${remark}`,
      settings: [],
      parameters: {},
      commands: entries.map(createCommand),
      undo: entries.map(deleteCommand).reverse(),
    };
  },
};

function sentence({ aclId, egress, number, protocol, ports, cidr }: NewEntry): string {
  const what = `${protocol === tcp ? "TCP" : "UDP"} ${portText(ports)} ${egress ? "to" : "from"} ${cidr}`;
  return `${egress ? "outbound" : "inbound"} rule ${number} to ${aclId} allowing ${what}`;
}
