import { liesIn } from "../address.ts";
import { scaleToTable } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import type { Evidence } from "../evidence.ts";
import type { Fix } from "../fix.ts";
import { percent } from "../wording.ts";

/** Less than this part of the table is not worth a rule that people have to remember. */
const worthwhile = 0.1;
/** RFC 1918, RFC 6598, RFC 4193. */
const privateBlocks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"];
/** Rules for the busiest ones. */
const mostFlows = 3;

/**
 * An untracked packet is never translated. So this is for traffic that passes the NAT instance on its way from one
 * private address to another and leaves under its own; for anything else it would break the connection.
 */
export const bypassConntrack: Fix = {
  id: "bypass-conntrack",
  title: "Take traffic that needs no NAT out of connection tracking",
  risk: "high",
  document: null,
  precondition:
    "At least 10 % of the table is traffic between private addresses that leaves untranslated, and no firewall rule of the host asks for its state.",
  effect: "Those flows take no entry any more; the ones that exist run out by themselves.",
  blastRadius:
    "These flows only. Rules of the host that accept by connection state do not match them any more: check FORWARD first.",
  verifiedBy: "The table's count falls by their entries.",
  undoing: "Exact: the rules are deleted, and the flows are tracked again with their next packet.",
  permissions: [],

  prepare(evidence) {
    if (evidence.host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence: host } = evidence.host;
    if (host.table === null) return { impossible: "the connection table is unknown" };
    const flows = untranslated(evidence, host);
    const held = flows.reduce((sum, { entries }) => sum + entries, 0);
    if (host.table.entries === 0 || held < worthwhile * host.table.entries) {
      return {
        impossible: "the busiest flows are translated, and an untracked packet is not: they would break",
      };
    }
    const rules = flows.slice(0, mostFlows).flatMap(({ source, address, protocol, port }) => [
      `PREROUTING -s ${source} -d ${address} -p ${protocol} --dport ${port} -j CT --notrack`,
      // Answers are forwarded too, so they pass PREROUTING as well; OUTPUT is for the host's own.
      `PREROUTING -s ${address} -d ${source} -p ${protocol} --sport ${port} -j CT --notrack`,
    ]);
    const command = flows[0]?.source.includes(":") ? "ip6tables" : "iptables";
    return {
      action: `Stop tracking ${flows.length === 1 ? "a flow" : `${Math.min(flows.length, mostFlows)} flows`} between private addresses that pass untranslated, ${percent(held / host.table.entries)} of the table (${scaleToTable(host, held)} entries)`,
      settings: [],
      parameters: {},
      commands: [
        "# nothing here may ask for the state of these packets, or they are refused:",
        `${command}-save | grep -E -- '--ctstate|--state'`,
        ...rules.map((rule) => `${command} -t raw -A ${rule}`),
      ],
      undo: rules.map((rule) => `${command} -t raw -D ${rule}`),
    };
  },
};

type Flow = { source: string; address: string; protocol: string; port: number; entries: number };

/** The busiest flows that keep their sender's address and stay inside. */
function untranslated({ cloud }: Evidence, { table }: HostEvidence): Flow[] {
  const blocks = [...privateBlocks, ...(cloud.network?.cidrs ?? [])];
  const inside = (address: string) => blocks.some((block) => liesIn(address, block));
  const senders = new Map(table?.sources ?? []);
  return (table?.destinations ?? [])
    .filter(({ port }) => port > 0)
    .filter(({ natAddress, entries }) => (senders.get(natAddress) ?? 0) >= entries)
    .filter(({ natAddress, address }) => inside(natAddress) && inside(address))
    .map(({ natAddress: source, address, protocol, port, entries }) => ({
      source,
      address,
      protocol,
      port,
      entries,
    }));
}
