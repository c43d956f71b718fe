/** Entries that a shorter timeout would have ended by now: dead connections, and closed ones. */
import { defaultTimeWait } from "./after-reboot.ts";
import { scaleToTable } from "./counters.ts";
import type { HostEvidence } from "./host.ts";

/** The kernel's default (`nf_conntrack_proto_tcp.c`): a client that does not close has no more to say. */
const defaultCloseWait = 60;
/** Above this share of ESTABLISHED, most of them belong to nobody. */
export const idleShare = 0.5;

export type Idle = {
  /** ESTABLISHED entries read whose idle time can be told. */
  told: number;
  /** Of those, idle for more than six hours, or older than the last change of the timeout. */
  long: number;
  stale: number;
  share: number;
};

/** `undefined`: the table could not be read. */
export function countIdle({ table }: HostEvidence): Idle | undefined {
  if (table === null) return undefined;
  const { shortTimer: _untold, ...known } = table.establishedIdle;
  const told = Object.values(known).reduce((sum, entries) => sum + entries, 0);
  const long = known.under86400 + known.over86400 + known.staleTimer;
  return { told, long, stale: known.staleTimer, share: told === 0 ? 0 : long / told };
}

export type Overdue = {
  state: "TIME_WAIT" | "CLOSE_WAIT";
  setting: string;
  timeout: number;
  standard: number;
  /** Entries of the whole table that the default would have ended by now, at a steady rate. */
  surplus: number;
};

/** What timeouts above their defaults keep of closed connections. */
export function closedTooLong(host: HostEvidence): Overdue[] {
  const states = [
    ["TIME_WAIT", "tcp_timeout_time_wait", defaultTimeWait],
    ["CLOSE_WAIT", "tcp_timeout_close_wait", defaultCloseWait],
  ] as const;
  return states.flatMap(([state, name, standard]) => {
    const timeout = host.timeouts[name];
    if (timeout === undefined || timeout <= standard) return [];
    const surplus = inState(host, state) * (1 - standard / timeout);
    return [{ state, setting: `nf_conntrack_${name}`, timeout, standard, surplus }];
  });
}

/** Of the whole table. */
export function inState(host: HostEvidence, state: string): number {
  return scaleToTable(host, host.table?.tcpStates[state] ?? 0);
}

export type Remains = {
  entries: number;
  share: number;
  /** Entries that timeouts above their defaults keep. */
  surplus: number;
};

const closing = ["TIME_WAIT", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "CLOSE"];

/**
 * Connections that are over, in entries of the whole table, and their share of it. What a timeout above its default
 * adds is that timeout's fault and not the traffic's, so the share leaves it out.
 */
export function countRemains(host: HostEvidence): Remains | undefined {
  if (host.table === null) return undefined;
  const entries = closing.reduce((sum, state) => sum + inState(host, state), 0);
  const surplus = closedTooLong(host).reduce((sum, overdue) => sum + overdue.surplus, 0);
  const all = scaleToTable(host, host.table.entries);
  return { entries, surplus, share: all === 0 ? 0 : (entries - surplus) / Math.max(1, all - surplus) };
}
