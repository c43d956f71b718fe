import { type Fix, type SettingChange, sendDocument } from "../fix.ts";
import { hasRoom, tableSizeFor } from "../table-size.ts";
import { whole } from "../wording.ts";

const maxKey = "net.netfilter.nf_conntrack_max";
const bucketsKey = "net.netfilter.nf_conntrack_buckets";
const hashsize = "/sys/module/nf_conntrack/parameters/hashsize";

/** Room at once, touching nobody. Buckets first: a larger table over the old hash would drop on long chains. */
export const raiseConntrackMax: Fix = {
  id: "raise-conntrack-max",
  title: "Give the connection tracking table more room",
  risk: "low",
  document: "RaiseConntrackMax",
  precondition:
    "The table is at least 70 % full or its hash is too small, and a quarter of the free memory has room for more.",
  effect: "New connections find room at once; no existing connection is touched.",
  blastRadius:
    "This NAT instance. Rehashing stalls packets for a moment (30 ms at 30,000 entries, 0.5 s at a million).",
  verifiedBy: "No connection dropped for want of room, and the table below 70 %, in two windows.",
  undoing:
    "Exact: the old limit and number of buckets are put back, unless the table then holds more entries than that.",
  permissions: [sendDocument("RaiseConntrackMax")],

  prepare({ host }) {
    if (host.status === "unread") return { impossible: "the host could not be read" };
    const { max, buckets } = host.evidence.conntrack;
    const size = tableSizeFor(host.evidence);
    if (max === null || buckets === null || size === undefined) {
      return { impossible: "the present size of the table is unknown" };
    }
    const raisesBuckets = size.buckets > buckets;
    const raisesMax = size.max > max;
    if (!raisesBuckets && !raisesMax) {
      return {
        impossible: hasRoom(host.evidence)
          ? "the table has room and buckets enough by now"
          : "the table is as large as a quarter of the free memory allows: use a larger instance",
      };
    }
    const settings: SettingChange[] = [];
    const commands: string[] = [];
    const undo: string[] = [];
    if (raisesBuckets) {
      settings.push({ setting: bucketsKey, before: String(buckets), after: String(size.buckets) });
      commands.push(`echo ${size.buckets} > ${hashsize}`);
      undo.unshift(`echo ${buckets} > ${hashsize}`);
    }
    if (raisesMax) {
      settings.push({ setting: maxKey, before: String(max), after: String(size.max) });
      commands.push(`sysctl -w ${maxKey}=${size.max}`);
      undo.unshift(`sysctl -w ${maxKey}=${max}`);
    }
    const what = raisesMax
      ? `from ${whole(max)} to ${whole(size.max)} entries`
      : `to ${whole(size.buckets)} hash buckets`;
    return {
      action: `Raise the connection tracking table ${what}`,
      settings,
      parameters: { ConntrackMax: String(size.max), Buckets: String(size.buckets) },
      commands,
      undo,
    };
  },
};
