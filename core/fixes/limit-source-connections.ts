import { heaviestSource } from "../evidence/heaviest-source.ts";
import type { Fix } from "../fix.ts";
import { tableSizeFor } from "../table-size.ts";
import { whole } from "../wording.ts";

/** One host may hold this part of the table at most: what is left serves the others. */
const allowance = 0.25;

/** Never applied by NAT Medic itself: whether that host may be refused is for its owner to say. */
export const limitSourceConnections: Fix = {
  id: "limit-source-connections",
  title: "Limit the connections of the heaviest host",
  risk: "high",
  document: null,
  precondition: "One host holds at least 30 % of the table, and its owner agrees.",
  effect:
    "Once the host has opened that many connections from now on, further ones are refused (TCP reset); those it holds already are not counted.",
  blastRadius: "Every application on that host: some of what works today would be refused.",
  verifiedBy: "The table below 80 %.",
  undoing: "Exact: the rule is deleted.",
  permissions: [],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const heaviest = heaviestSource(host.evidence);
    const size = tableSizeFor(host.evidence);
    if (heaviest === undefined || heaviest.entries === 0 || size === undefined) {
      return { impossible: "the heaviest source is unknown" };
    }
    const { address } = heaviest;
    const most = Math.floor(size.max * allowance);
    const isIpv6 = address.includes(":");
    const rule = `FORWARD -s ${address} -p tcp --syn -m connlimit --connlimit-above ${most} --connlimit-mask ${isIpv6 ? 128 : 32} -j REJECT --reject-with tcp-reset`;
    const command = isIpv6 ? "ip6tables" : "iptables";
    return {
      action: `Find out what ${address} does with its connections; if it must be stopped, limit it to ${whole(most)}`,
      settings: [],
      parameters: {},
      commands: [`conntrack -L -s ${address} | head -n 20`, `${command} -I ${rule}`],
      undo: [`${command} -D ${rule}`],
    };
  },
};
