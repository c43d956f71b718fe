/** What the security group layer outside the host remembers of the connections that this NAT forwards. */
import { agentHistory, availableConnections, exceeded, recentGrowth } from "./allowances.ts";
import type { CloudEvidence, NetworkInterface } from "./cloud.ts";
import { scaleToTable } from "./counters.ts";
import type { HostEvidence } from "./host.ts";
import type { SecurityGroupRule } from "./network.ts";

/** EC2's default before Nitro v6, and for every type of which it says nothing: five days. */
const usualTimeout = 432_000;
/** Each connection is two for the layer: from the client to the NAT, and from the NAT to the destination. */
const flowsPerConnection = 2;

/** Seconds until the layer forgets an idle TCP connection of this interface; `undefined`: the type is not known. */
export function effectiveTimeout(card: NetworkInterface, { type }: CloudEvidence): number | undefined {
  const own = card.trackingTimeouts?.tcpEstablished ?? undefined;
  return own ?? (type === null ? undefined : (type.defaultTcpEstablished ?? usualTimeout));
}

/** The interface that forgets first; `undefined` when EC2 was not asked or does not say. */
export function shortestTimeout(cloud: CloudEvidence): number | undefined {
  const timeouts = (cloud.instance?.interfaces ?? [])
    .map((card) => effectiveTimeout(card, cloud))
    .filter((timeout) => timeout !== undefined);
  return timeouts.length === 0 ? undefined : Math.min(...timeouts);
}

/**
 * Established TCP connections that are idle for longer than `timeout`, of the whole table. The histogram has steps: only
 * those that are surely beyond it count. `undefined` when the table could not be read.
 */
export function idleBeyond(host: HostEvidence, timeout: number): number | undefined {
  if (host.table === null) return undefined;
  const idle = host.table.establishedIdle;
  let entries = timeout <= 86_400 ? idle.over86400 : 0;
  if (timeout <= 21_600) entries += idle.under86400;
  if (timeout <= 7_440) entries += idle.under21600;
  if (timeout <= 3_600) entries += idle.under7440;
  if (timeout <= 300) entries += idle.under3600;
  return scaleToTable(host, entries);
}

/** Flows that the layer should know, from the kernel's table: what it holds, less what the layer forgot already. */
function trackedFlows(host: HostEvidence, cloud: CloudEvidence): number {
  const forgotten = idleBeyond(host, shortestTimeout(cloud) ?? usualTimeout) ?? 0;
  return flowsPerConnection * Math.max(0, (host.conntrack.count ?? 0) - forgotten);
}

const tcp = 6;

/**
 * Whether the rules let TCP pass untracked: everything allowed in one direction, and all ports in the other.
 * `undefined` when the rules were not read.
 */
export function leavesUntracked({ network }: CloudEvidence): boolean | undefined {
  if (network === null) return undefined;
  const open = (egress: boolean) =>
    network.securityGroupRules.some((rule) => rule.egress === egress && isWideOpen(rule));
  return open(false) && open(true);
}

function isWideOpen({ protocol, ports, cidr }: SecurityGroupRule): boolean {
  const allPorts = ports === null || (ports[0] <= 1 && ports[1] === 65_535);
  return (protocol === null || protocol === tcp) && allPorts && cidr === "0.0.0.0/0";
}

/** Room for connections that the layer has left. */
export type Headroom = {
  available: number;
  /** AWS does not publish it: the most that was seen free in three hours, or what is free and what must be in use. */
  limit: number;
  /** By the history of the gauge, rather than by what the kernel's table lets one expect. */
  measured: boolean;
};

/** `undefined`: the driver has no such gauge (before 2.8.1). */
export function headroom(host: HostEvidence, cloud: CloudEvidence): Headroom | undefined {
  const available = availableConnections(host);
  if (available === undefined) return undefined;
  const history = agentHistory(cloud, "conntrack_allowance_available")?.points ?? [];
  const most = Math.max(0, ...history.map(({ value }) => value));
  // Where the rules let traffic pass untracked, the kernel's entries take no room and tell nothing about the limit.
  const expected = available + (leavesUntracked(cloud) === true ? 0 : trackedFlows(host, cloud));
  return { available, limit: Math.max(most, expected), measured: most >= expected };
}

/** Of the limit: AWS's own advice is an alarm at 10 to 20 % of the most that was seen free. */
export const littleRoom = 0.1;

/** Whether connections of this instance are refused for want of room out there, or soon will be. */
export function lacksRoom(host: HostEvidence, cloud: CloudEvidence): boolean {
  const refused = exceeded(host, "conntrack")?.growth ?? 0;
  const refusedLately = recentGrowth(agentHistory(cloud, "conntrack_allowance_exceeded"));
  const room = headroom(host, cloud);
  return refused + refusedLately > 0 || (room !== undefined && room.available < littleRoom * room.limit);
}
