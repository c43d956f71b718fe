/**
 * A change that is made through EC2, told in the same words as one on a host. EC2 keeps no record of who changed what:
 * what is there now, against what was there before and what was to be, is all there is to go by.
 */
import type { HostChange } from "./change.ts";
import type { TrackingTimeouts } from "./evidence/cloud.ts";
import type { CloudChange, FixId } from "./fix.ts";

export type CloudRequest = {
  fix: FixId;
  change: CloudChange;
  action: HostChange["action"];
  /** An undo also puts back what somebody else has changed since. */
  forced: boolean;
};

/** Either what is to be set, or what there is to say without setting anything. */
type CloudDecision = { set: TrackingTimeouts } | { told: HostChange };

/** `present`: as EC2 has it now; `undefined`: it knows no such interface. */
export function decideCloudChange(
  request: CloudRequest,
  present: TrackingTimeouts | undefined,
): CloudDecision {
  const { action, change, forced } = request;
  if (present === undefined) return told(request, present, "refused", "EC2 knows no such interface any more");
  const isAfter = fits(present, change.after);
  // An interface without a setting of its own has the type's default, which is what `before` says then.
  const isBefore = fits(present, change.before) || present.tcpEstablished === null;
  const isNow = `it is now ${present.tcpEstablished ?? "the type's default"}`;
  switch (action) {
    case "show":
      return told(request, present, "unchanged", "");
    case "apply":
      if (isAfter) return told(request, present, "refused", `somebody has set it already: ${isNow}`);
      if (!isBefore) {
        return told(request, present, "refused", `${isNow}, no longer ${change.before.tcpEstablished}`);
      }
      return { set: merged(present, change.after) };
    case "persist":
      return isAfter
        ? told(request, present, "unchanged", "", ["EC2 keeps it: nothing is to be written"])
        : told(request, present, "refused", `${isNow}, no longer ${change.after.tcpEstablished}`);
    case "undo":
      if (isBefore && !isAfter) return told(request, present, "unchanged", "");
      if (!isAfter && !forced) {
        return told(request, present, "refused", `${isNow}: somebody has changed it since`);
      }
      return { set: merged(present, change.before) };
    default:
      return action satisfies never;
  }
}

/** What became of `set`, by what EC2 says afterwards. `refusal`: EC2's own word instead of doing it. */
export function reportCloudChange(
  request: CloudRequest,
  set: TrackingTimeouts,
  { present, refusal }: { present: TrackingTimeouts | undefined; refusal: string | null },
): HostChange {
  if (refusal !== null) return report(request, present, "refused", `EC2 refused it: ${refusal}`);
  return present !== undefined && fits(present, set)
    ? report(request, present, "changed", "")
    : report(request, present, "failed", "EC2 took the change and does not show it");
}

function told(
  request: CloudRequest,
  present: TrackingTimeouts | undefined,
  status: HostChange["status"],
  reason: string,
  notes: string[] = [],
): CloudDecision {
  return { told: { ...report(request, present, status, reason), notes } };
}

function report(
  request: CloudRequest,
  present: TrackingTimeouts | undefined,
  status: HostChange["status"],
  reason: string,
): HostChange {
  const { fix, action, change } = request;
  const { networkInterfaceId, before, after } = change;
  const was = String(before.tcpEstablished ?? "");
  const willBe = String(after.tcpEstablished ?? "");
  const isNow = String(present?.tcpEstablished ?? "");
  const setting = `${networkInterfaceId}.tcp-established`;
  const values = {
    apply: { before: was, after: willBe },
    persist: { before: was, after: willBe },
    show: { before: was, after: isNow },
    // Refused, `before` says what it is now, like a host does.
    undo: { before: status === "refused" ? isNow : willBe, after: was },
  }[action];
  return {
    schema: "nat-medic/change/1",
    fix,
    action,
    status,
    reason: reason.replace(/[^A-Za-z0-9_.,:;/()=%+ -]/g, "_").slice(0, 200),
    values: [{ setting, ...values }],
    files: [],
    notes: [],
    onRecord: onRecord(request, present, status),
    restoresAt: 0,
  };
}

function onRecord(
  { action, change }: CloudRequest,
  present: TrackingTimeouts | undefined,
  status: HostChange["status"],
): HostChange["onRecord"] {
  if (present === undefined || !fits(present, change.after)) return action === "undo" ? "undone" : "none";
  if (action === "undo") return "applied";
  return action === "persist" && status === "unchanged" ? "persisted" : "applied";
}

/** What is `null` in the wanted ones may be anything. */
function fits(present: TrackingTimeouts, wanted: TrackingTimeouts): boolean {
  return (
    (wanted.tcpEstablished === null || present.tcpEstablished === wanted.tcpEstablished) &&
    (wanted.udpStream === null || present.udpStream === wanted.udpStream) &&
    (wanted.udp === null || present.udp === wanted.udp)
  );
}

/** EC2 takes the three together: what is not ours to change is sent as it is. */
function merged(present: TrackingTimeouts, wanted: TrackingTimeouts): TrackingTimeouts {
  return {
    tcpEstablished: wanted.tcpEstablished ?? present.tcpEstablished,
    udpStream: wanted.udpStream ?? present.udpStream,
    udp: wanted.udp ?? present.udp,
  };
}
