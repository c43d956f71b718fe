import { scaleToTable } from "../evidence/counters.ts";
import type { HostEvidence } from "../evidence/host.ts";
import { type Fix, sendDocument } from "../fix.ts";
import { duration, percent } from "../wording.ts";

const key = "net.netfilter.nf_conntrack_tcp_timeout_established";
/**
 * Gentlest first. 7,440 s is the least that RFC 5382 (REQ-5) allows and outlives Linux's two-hour keepalive;
 * the others are the steps that the evidence can tell apart.
 */
const shortest = 7_440;
const candidates = [86_400, 21_600, shortest] as const;
/** Enough relief: what would stay holds at most this part of the table. */
const enough = 0.5;

/** Lowering the timeout alone moves no existing timer (measured), so existing entries are re-timed as well. */
export const shortenConntrackTimeouts: Fix = {
  id: "shorten-conntrack-timeouts",
  title: "Forget dead connections sooner",
  risk: "medium",
  document: "ShortenConntrackTimeouts",
  precondition:
    "Established connections are remembered for longer than they need, or entries still carry an older timeout.",
  effect: "Entries idle for longer than the new timeout go at once, as if it had always been in force.",
  blastRadius:
    "Connections idle for longer than that and without keepalive end. The settings can be put back, a timer that was moved cannot.",
  verifiedBy: "Connections idle for more than six hours at most half as many as before, in two windows.",
  undoing:
    "The timeout is put back to the second. Timers that were moved stay moved, and what ended stays ended.",
  permissions: [sendDocument("ShortenConntrackTimeouts")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { evidence } = host;
    const present = evidence.timeouts.tcp_timeout_established;
    if (present === undefined || evidence.table === null) {
      return { impossible: "the timeout or the connection table is unknown" };
    }
    const shorter = candidates.filter((candidate) => candidate < present);
    const chosen =
      shorter.find((candidate) => remaining(evidence, candidate) <= enough) ??
      shorter.at(-1) ??
      // Entries older than the last change still carry the old timeout: re-time them to the present one.
      (present >= shortest ? present : undefined);
    if (chosen === undefined) return { impossible: `the timeout is already below ${duration(shortest)}` };
    return {
      action: `Forget established connections after ${duration(chosen)} of silence, not ${duration(present)}, and re-time the present ones (about ${percent(remaining(evidence, chosen))} of the table stays in use)`,
      settings: [{ setting: key, before: String(present), after: String(chosen) }],
      parameters: { EstablishedSeconds: String(chosen), TimeWaitSeconds: "0", Retime: "yes" },
      commands: [
        "# lowering the sysctl moves no existing timer, so this script of NAT Medic's host folder re-times them too:",
        `SSM_Action=apply SSM_IncidentId=inc-by-hand-$(date +%s) SSM_EstablishedSeconds=${chosen} SSM_TimeWaitSeconds=0 SSM_Retime=yes sh shorten-conntrack-timeouts.sh`,
      ],
      undo: [`sysctl -w ${key}=${present}`],
    };
  },
};

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
