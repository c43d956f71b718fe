/** The conclusion of an incident: what came of it, whether it is safe now, and what is left to do. */
import type { Closing, Outcome } from "../closing.ts";
import { mailText } from "../plain-text.ts";
import { type StepStatus, statusOf } from "../step-record.ts";
import { leftToDo } from "./next.ts";
import { reasonOf, restore, survivesReboot, told } from "./steps.ts";

export type Verdict = {
  /** The subject's part that is never cut: who, what, which instance. */
  said: string;
  /** What holds now. */
  now: string;
  toDo: string;
};

export function verdictOf(closing: Closing, outcome: Outcome): Verdict {
  const instance = closing.incident?.instanceId ?? "an event";
  if (closing.undo !== null) return undoVerdict(closing, closing.undo, instance);
  switch (outcome) {
    case "fixed":
      return { said: `NAT Medic fixed ${instance}`, ...fixed(closing) };
    case "proposed":
      return proposed(closing, instance);
    case "undone":
      return {
        said: `NAT Medic undid its change on ${instance}`,
        now: "The old values are back; what failed before may still fail.",
        toDo: remaining(closing, "Look for yourself, and decide about what is proposed below."),
      };
    case "healthy":
      return {
        said: `NAT Medic finds ${instance} healthy`,
        now: "All that NAT Medic can judge on this instance looks normal. Nothing was changed.",
        toDo: "Nothing, if connections work. If they fail all the same, ask again while they do.",
      };
    case "undetermined":
      return {
        said: `NAT Medic found no cause on ${instance}`,
        now: "Not known: no cause was found, and not everything could be judged. Nothing was changed.",
        toDo: "Look for yourself while it fails; the commands are below.",
      };
    case "failed":
      return failed(closing, instance);
    case "refused":
      return {
        said: `NAT Medic did nothing: ${mailText(closing.refusal?.reason ?? "", 300)}`,
        now: "Nothing was looked at and nothing was changed.",
        toDo: "If it should have been, see the reason above.",
      };
    default:
      return outcome satisfies never;
  }
}

/** What there is to do about the steps that were not made. */
function remaining(closing: Closing, many: string): string {
  return leftToDo(closing).length === 0 ? "Look for yourself; nothing more can be proposed." : many;
}

function fixed(closing: Closing): Omit<Verdict, "said"> {
  const inForce = closing.steps.filter((record) => statusOf(record) === "in-force");
  const windows = Math.min(...inForce.map(({ verification }) => verification?.quietWindows ?? 0));
  const [seen] = inForce[0]?.verification?.evidence ?? [];
  const look = seen === undefined ? "" : `: ${mailText(seen.signal, 80)} ${mailText(seen.observed, 120)}`;
  const lost = inForce.filter((record) => !survivesReboot(record)).length;
  const left = leftToDo(closing).length;
  return {
    now: `Better in ${windows} windows in a row${look}. ${lost === 0 ? "It survives a reboot." : "A reboot would lose it."}`,
    toDo: [
      lost === 0 ? "Nothing now." : "Nothing at once; make it last before the next reboot.",
      ...(left === 0
        ? []
        : [left === 1 ? "One more change is proposed below." : `${left} more changes are proposed below.`]),
    ].join(" "),
  };
}

/** Nothing was changed: why not. */
function proposed(closing: Closing, instance: string): Verdict {
  const statuses = closing.steps.map(statusOf);
  const [status] = notChanged.filter(({ because }) => statuses.includes(because));
  if (leftToDo(closing).length === 0 && status?.because !== "skipped") {
    return {
      said: `NAT Medic needs you for ${instance}`,
      now: stillFails(closing),
      toDo: "Nothing that NAT Medic knows can be changed here; the reasons are below.",
    };
  }
  if (status === undefined) {
    return {
      said: `NAT Medic proposes a change for ${instance}`,
      now: stillFails(closing),
      toDo: "Decide about the change below; the commands are with it.",
    };
  }
  return {
    said: `NAT Medic changed nothing on ${instance} (${status.word})`,
    now: status.now ?? stillFails(closing),
    toDo: status.toDo,
  };
}

/** By weight: an answer, or none, says more than what became of another step. */
const notChanged: readonly { because: StepStatus; word: string; now?: string; toDo: string }[] = [
  {
    because: "rejected",
    word: "rejected",
    toDo: "Nothing more comes from NAT Medic. The changes can still be made by hand, see below.",
  },
  {
    because: "unanswered",
    word: "nobody answered",
    toDo: "Decide about the changes below and make them by hand.",
  },
  {
    because: "withdrawn",
    word: "alarm cleared",
    now: "The alarm is back to OK. The cause was not removed, so it may come again.",
    toDo: "Nothing at once; decide in daylight about the changes below.",
  },
  {
    because: "refused",
    word: "the host refused",
    toDo: "See below why the host refused, and what else can be done.",
  },
  {
    because: "skipped",
    word: "not needed any more",
    now: "What the change was for no longer holds, so nothing was changed.",
    toDo: "Nothing, if connections work.",
  },
];

function stillFails({ diagnosis }: Closing): string {
  return diagnosis?.causes[0]?.severity === "warning"
    ? "Nothing was changed. It may not fail yet, and it will when this goes on."
    : "Nothing was changed, so it fails still, as far as NAT Medic knows.";
}

function failed(closing: Closing, instance: string): Verdict {
  const { steps, incident } = closing;
  const said = `NAT Medic failed on ${instance} and needs you`;
  const [unsettled] = steps.filter((record) => statusOf(record) === "unsettled");
  if (unsettled !== undefined && incident !== null) {
    return {
      said,
      now: ["Not known: a change may be in force that nobody verified.", ...restore(unsettled.applied)].join(
        " ",
      ),
      toDo: `Look at the values below. To put the old ones back: nat-medic undo ${incident.id}`,
    };
  }
  const inForce = steps.filter((record) => statusOf(record) === "in-force").length;
  return {
    said,
    now:
      inForce === 0
        ? "Nothing is changed, as far as NAT Medic knows."
        : "What was changed and verified before stays in force.",
    toDo: "Look for yourself; the commands are below.",
  };
}

function undoVerdict(
  { steps, incident }: Closing,
  { reason }: NonNullable<Closing["undo"]>,
  instance: string,
): Verdict {
  const alone = steps.filter(({ undone }) => told(undone)?.status === "refused");
  const unknown = steps.filter(
    ({ undone }) => undone?.status !== "told" || undone.change.status === "failed",
  );
  const why = reason === null ? "as asked" : "by itself";
  const because = reason === null ? "" : ` Undone because ${mailText(reason, 200)}.`;
  if (steps.length === 0) {
    return {
      said: `NAT Medic had nothing to undo on ${instance}`,
      now: "Nothing of this incident is changed on the host any more.",
      toDo: "Nothing.",
    };
  }
  if (unknown.length > 0) {
    const [first] = unknown;
    return {
      said: `NAT Medic could not undo its changes on ${instance}`,
      now: ["Not known: what is in force has to be looked at.", ...restore(first?.applied ?? null)].join(" "),
      toDo: `Look at the values below, then again: nat-medic undo ${incident?.id ?? "INCIDENT"}`,
    };
  }
  if (alone.length > 0) {
    const part = alone.length < steps.length;
    return {
      said: `NAT Medic undid ${part ? "only a part" : "nothing"} on ${instance}: changed since`,
      now: `${part ? "Some values are put back, others" : "The values"} were left alone: ${reasonOf(alone[0]?.undone ?? null)}.`,
      toDo: `Decide whether they may go. If so: nat-medic undo ${incident?.id ?? "INCIDENT"} --force`,
    };
  }
  return {
    said: `NAT Medic undid its changes on ${instance} ${why}`,
    now: `The old values are back.${because} What failed before the changes may fail again.`,
    toDo: "Watch whether connections still work.",
  };
}
