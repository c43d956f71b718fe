import { defaultTimeWait } from "../evidence/after-reboot.ts";
import { scaleToTable, utilization } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { closedTooLong, countIdle, countRemains, idleShare, inState } from "../evidence/overdue.ts";
import { portSpaces } from "../evidence/port-space.ts";
import { type Fix, type SettingChange, sendDocument } from "../fix.ts";
import { duration, percent } from "../wording.ts";

const sysctl = (name: string) => `net.netfilter.nf_conntrack_${name}`;
/**
 * Gentlest first. 7,440 s is the least that RFC 5382 (REQ-5) allows and outlives Linux's two-hour keepalive;
 * the others are the steps that the evidence can tell apart.
 */
const shortest = 7_440;
const candidates = [86_400, 21_600, shortest] as const;
/** A server may hold TIME_WAIT for 60 seconds: a port that comes back sooner meets it. */
const shortestTimeWait = 60;
/** Enough relief: what would stay holds at most this part of the table. */
const enough = 0.5;
/** Worth touching: this part of the entries would go. */
const worthwhile = 0.2;
/** Where what is over is in the way of what is alive: see `conntrack-churn` and `snat-ports-exhausted`. */
const scarce = { table: 0.7, remains: 0.4, ports: 0.45 };

/** Lowering a timeout alone moves no existing timer (measured), so existing entries are re-timed as well. */
export const shortenConntrackTimeouts: Fix = {
  id: "shorten-conntrack-timeouts",
  title: "Forget dead connections sooner",
  risk: "medium",
  document: "ShortenConntrackTimeouts",
  precondition:
    "Connections are remembered for longer than they need, or entries still carry an older timeout: dead ones, or closed ones in TIME_WAIT.",
  effect: "Entries that would be over by the new timeout go at once, as if it had always been in force.",
  blastRadius:
    "Connections idle for longer than that and without keepalive end; a port that comes back within a server's TIME_WAIT may cost one retry. The settings can be put back, a timer that was moved cannot.",
  verifiedBy:
    "In two windows: connections idle for more than six hours at most half as many as before, or closed ones at most two thirds, or ports free again.",
  undoing:
    "The timeouts are put back to the second. Timers that were moved stay moved, and what ended stays ended.",
  permissions: [sendDocument("ShortenConntrackTimeouts")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    const { tcp_timeout_established: present, tcp_timeout_time_wait: timeWait } = evidence.timeouts;
    if (present === undefined || evidence.table === null) {
      return { impossible: "the timeout or the connection table is unknown" };
    }
    const established = establishedFor(evidence, present);
    const closed = timeWait === undefined ? undefined : timeWaitFor(evidence, timeWait);
    const settings: SettingChange[] = [];
    const actions: string[] = [];
    if (established !== undefined) {
      settings.push(changeOf("tcp_timeout_established", present, established));
      actions.push(
        `Forget established connections after ${duration(established)} of silence, not ${duration(present)}, and re-time the present ones (about ${percent(remaining(evidence, established))} of the table stays in use)`,
      );
    }
    if (closed !== undefined && timeWait !== undefined) {
      settings.push(changeOf("tcp_timeout_time_wait", timeWait, closed));
      actions.push(
        `Forget closed connections after ${duration(closed)}, not ${duration(timeWait)}, the present ones too`,
      );
    }
    if (settings.length === 0) {
      return {
        impossible:
          present <= shortest
            ? `the timeout is already at ${duration(present)}, and no other keeps what should be gone`
            : "few entries are dead, and those that are closed take no room that is missed by now",
      };
    }
    const parameters = {
      EstablishedSeconds: String(established ?? 0),
      TimeWaitSeconds: String(closed ?? 0),
      Retime: "yes",
    };
    const environment = Object.entries(parameters).map(([name, value]) => `SSM_${name}=${value}`);
    return {
      action: actions.join(". "),
      settings,
      parameters,
      commands: [
        "# lowering the sysctl moves no existing timer, so this script of NAT Medic's host folder re-times them too:",
        `SSM_Action=apply SSM_IncidentId=inc-by-hand-$(date +%s) ${environment.join(" ")} sh shorten-conntrack-timeouts.sh`,
      ],
      undo: settings.map(({ setting, before }) => `sysctl -w ${setting}=${before}`),
    };
  },
};

function changeOf(name: string, before: number, after: number): SettingChange {
  return { setting: sysctl(name), before: String(before), after: String(after) };
}

/** `undefined`: that timeout is not the matter. */
function establishedFor(host: HostEvidence, present: number): number | undefined {
  const idle = countIdle(host);
  if (idle === undefined || idle.share < idleShare) return undefined;
  if (idle.long < worthwhile * (host.table?.entries ?? 0)) return undefined;
  const shorter = candidates.filter((candidate) => candidate < present);
  return (
    shorter.find((candidate) => remaining(host, candidate) <= enough) ??
    shorter.at(-1) ??
    // Entries older than the last change still carry the old timeout: re-time them to the present one.
    (present >= shortest && idle.stale > 0 ? present : undefined)
  );
}

/** `undefined`: that timeout is not the matter. */
function timeWaitFor(host: HostEvidence, present: number): number | undefined {
  if (present > shortestTimeWait && (fillsTheTable(host) || holdsThePorts(host))) return shortestTimeWait;
  const all = scaleToTable(host, host.table?.entries ?? 0);
  const raised = closedTooLong(host).some(
    ({ state, surplus }) => state === "TIME_WAIT" && surplus >= worthwhile * all,
  );
  return raised ? defaultTimeWait : undefined;
}

function fillsTheTable(host: HostEvidence): boolean {
  return (utilization(host) ?? 0) >= scarce.table && (countRemains(host)?.share ?? 0) >= scarce.remains;
}

/** As far as can be told: the table says how many are closed, and not to which destination. */
function holdsThePorts(host: HostEvidence): boolean {
  return (portSpaces(host) ?? []).some(
    ({ occupancy, small, entries }) =>
      !small && occupancy >= scarce.ports && inState(host, "TIME_WAIT") >= worthwhile * entries,
  );
}

/** Entries read that are idle for longer than `timeout`, by the histogram's own steps. */
function expiring({ table }: HostEvidence, timeout: number): number {
  if (table === null) return 0;
  const idle = table.establishedIdle;
  let entries = idle.over86400 + idle.staleTimer;
  if (timeout < 86_400) entries += idle.under86400;
  if (timeout < 21_600) entries += idle.under21600;
  return entries;
}

/** Which part of the table stays in use with `timeout`. */
function remaining(host: HostEvidence, timeout: number): number {
  const { count, max } = host.conntrack;
  if (count === null || max === null || max === 0) return 0;
  return Math.max(0, count - scaleToTable(host, expiring(host, timeout))) / max;
}
