/**
 * A healthy NAT instance with what the lab's guest printed for it on Linux 6.1: two interfaces, one rule, the kernel's own
 * parameters. Tests change what they are about.
 */
import type { HostEvidence } from "../../../core/evidence/host.ts";
import { captured } from "../captured.ts";

type Rule = NonNullable<HostEvidence["rules"]>["nat"][number];

export const rule: Rule = {
  backend: "iptables-nft",
  action: "masquerade",
  source: "10.60.0.0/16",
  destination: null,
  outInterface: "wan0",
  protocol: null,
  addresses: null,
  ports: null,
  random: "no",
  specification: "POSTROUTING -s 10.60.0.0/16 -o wan0 -j MASQUERADE",
};

const healthy = captured("healthy");

export const natHost: HostEvidence = {
  ...healthy,
  window: 5,
  counters: { ...healthy.counters, "softnet.processed": [461, 70], "ip.ForwDatagrams": [90_000, 5_000] },
  parameters: {
    "net.ipv4.ip_forward": [1],
    "net.ipv4.conf.all.rp_filter": [0],
    "net.ipv4.conf.default.rp_filter": [0],
    "net.ipv4.conf.lan0.rp_filter": [0],
    "net.ipv4.conf.lan0.forwarding": [1],
    "net.ipv4.conf.wan0.rp_filter": [0],
    "net.ipv4.conf.wan0.forwarding": [1],
    "net.ipv4.neigh.default.gc_thresh1": [128],
    "net.ipv4.neigh.default.gc_thresh2": [512],
    "net.ipv4.neigh.default.gc_thresh3": [1024],
    "net.ipv4.ipfrag_high_thresh": [4_194_304],
    "net.ipv4.ipfrag_time": [30],
    "net.netfilter.nf_conntrack_tcp_be_liberal": [0],
  },
  gauges: { "frag.inuse": 0, "frag.memory": 0, "arp.entries": 12, "tcp.tw": 0 },
  interfaces: [
    { name: "lan0", mtu: 1500, defaultRoute: false, driver: "bridge", driverVersion: "2.3", rxRing: null },
    { name: "wan0", mtu: 1500, defaultRoute: true, driver: "veth", driverVersion: "1.0", rxRing: null },
  ],
  rules: { readers: ["iptables-nft", "nft"], nat: [rule], clampsMss: false, notrack: 0, stripsTimestamps: 0 },
};

/** Growth over the window; totals follow. */
export function withCounters(host: HostEvidence, growth: Record<string, number>): HostEvidence {
  const counters = { ...host.counters };
  for (const [name, delta] of Object.entries(growth)) counters[name] = [100_000 + delta, delta];
  return { ...host, counters };
}

export function withParameters(host: HostEvidence, values: Record<string, number>): HostEvidence {
  const parameters = { ...host.parameters };
  for (const [name, value] of Object.entries(values)) parameters[name] = [value];
  return { ...host, parameters };
}

type Table = NonNullable<HostEvidence["table"]>;

export function withEntries(host: HostEvidence, change: Partial<Table>): HostEvidence {
  if (host.table === null) throw new Error("a table to change is expected");
  return { ...host, table: { ...host.table, ...change } };
}

export function withRules(host: HostEvidence, rules: Partial<Rule>[], more: object = {}): HostEvidence {
  if (host.rules === null) throw new Error("rules to change are expected");
  return {
    ...host,
    rules: { ...host.rules, ...more, nat: rules.map((changes) => ({ ...rule, ...changes })) },
  };
}
