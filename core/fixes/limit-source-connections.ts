import { halfOpenFlood } from "../evidence/half-open.ts";
import { heaviestSource } from "../evidence/heaviest-source.ts";
import type { HostEvidence } from "../evidence/host.ts";
import type { Fix, Prepared } from "../fix.ts";
import { tableSizeFor } from "../table-size.ts";
import { whole } from "../wording.ts";

/** One host may hold this part of the table at most: what is left serves the others. */
const allowance = 0.25;
/** How long the kernel remembers a SYN without an answer, by default (`nf_conntrack_proto_tcp.c`), in seconds. */
const defaultSynSent = 120;

/** Never applied by NAT Medic itself: whether that host may be refused is for its owner to say. */
export const limitSourceConnections: Fix = {
  id: "limit-source-connections",
  title: "Limit the connections of the heaviest host",
  risk: "high",
  document: null,
  precondition:
    "One host holds at least 30 % of the table, or most of the entries without a reply, and its owner agrees.",
  effect:
    "Held connections: once the host has opened that many from now on, further ones are refused (TCP reset); those it holds already are not counted. A scan: new connections beyond a rate are dropped before they take an entry.",
  blastRadius: "Every application on that host: some of what works today would be refused.",
  verifiedBy: "The table below 80 %.",
  undoing: "Exact: the rule is deleted.",
  permissions: [],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    const heaviest = heaviestSource(evidence);
    const size = tableSizeFor(evidence);
    if (heaviest === undefined || heaviest.entries === 0 || size === undefined) {
      return { impossible: "the heaviest source is unknown" };
    }
    const most = Math.floor(size.max * allowance);
    const flood = halfOpenFlood(evidence) ?? null;
    return flood === null
      ? limitHeld(heaviest.address, most)
      : limitNew(flood.address, rateFor(evidence, most), most);
  },
};

function limitHeld(address: string, most: number): Prepared {
  const isIpv6 = address.includes(":");
  const rule = `FORWARD -s ${address} -p tcp --syn -m connlimit --connlimit-above ${most} --connlimit-mask ${isIpv6 ? 128 : 32} -j REJECT --reject-with tcp-reset`;
  const action = `Find out what ${address} does with its connections; if it must be stopped, limit it to ${whole(most)}`;
  return { ...base(address, rule), action };
}

/** connlimit counts connections that exist; a scan is a matter of how fast it asks, by TCP, UDP or ICMP. */
function limitNew(address: string, perSecond: number, most: number): Prepared {
  const rule = `FORWARD -s ${address} -m conntrack --ctstate NEW -m hashlimit --hashlimit-name nat-medic --hashlimit-mode srcip --hashlimit-above ${perSecond}/second --hashlimit-burst ${perSecond} -j DROP`;
  const action = `Find out what ${address} looks for; if it must be stopped, limit it to ${whole(perSecond)} new connections a second, which hold at most ${whole(most)} entries`;
  return { ...base(address, rule), action };
}

/** So many a second, remembered for so long, fill the allowance. */
function rateFor({ timeouts }: HostEvidence, most: number): number {
  return Math.max(1, Math.floor(most / Math.max(1, timeouts.tcp_timeout_syn_sent ?? defaultSynSent)));
}

function base(address: string, rule: string): Omit<Prepared, "action"> {
  const command = address.includes(":") ? "ip6tables" : "iptables";
  return {
    settings: [],
    parameters: {},
    commands: [`conntrack -L -s ${address} | head -n 20`, `${command} -I ${rule}`],
    undo: [`${command} -D ${rule}`],
  };
}
