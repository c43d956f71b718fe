/** The conclusion of an incident: what came of it, whether it is safe now, and what is left to do. */
import type { Closing, Outcome } from "../closing.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import { type StepStatus, statusOf } from "../step-record.ts";
import { leftToDo } from "./next.ts";
import { mayBeInForce, reasonOf, restore, survivesReboot, told } from "./steps.ts";

export type Verdict = {
  /** The subject's part that is never cut: who, which instance, what came of it. */
  said: string;
  /** The same as a sentence, where it is not one already. */
  headline?: string;
  /** What holds now. */
  now: string;
  toDo: string;
};

export function verdictOf(closing: Closing, outcome: Outcome): Verdict {
  const instance = closing.incident === null ? "an event" : instanceName(closing.incident);
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
        toDo:
          leftToDo(closing).length === 0
            ? "Look for yourself while it fails; nothing more can be proposed."
            : "Look for yourself while it fails, and decide about what is proposed.",
      };
    case "healthy":
      return {
        said: `NAT Medic finds ${instance} healthy`,
        now: "All that NAT Medic can judge on this instance looks normal. Nothing was changed.",
        toDo: "Nothing, if connections work. If they fail all the same, ask again while they do.",
      };
    case "not-the-nat":
      return {
        said: `NAT Medic rules out ${instance}`,
        headline: `NAT Medic finds nothing wrong on ${instance}, and yet connections fail: the reason is elsewhere.`,
        now: "It still fails, as far as NAT Medic knows. Nothing was changed.",
        toDo: "Look at the destination and at the path to it; what was ruled out here need not be looked at again.",
      };
    case "undetermined":
      return {
        said: `NAT Medic found no cause on ${instance}`,
        now: "Not known: no cause was found, and not everything could be judged. Nothing was changed.",
        toDo: "Look for yourself while it fails.",
      };
    case "failed":
      return failed(closing, instance);
    case "refused":
      return {
        said: `NAT Medic did nothing about ${mailText(closing.refusal?.subject ?? "an event", 60)}`,
        now: "Nothing was looked at and nothing was changed.",
        toDo: "If it should be looked at, see to the reason and start again.",
      };
    default:
      return outcome satisfies never;
  }
}

function fixed(closing: Closing): Omit<Verdict, "said"> {
  const inForce = closing.steps.filter((record) => statusOf(record) === "in-force");
  const windows = Math.min(...inForce.map(({ verification }) => verification?.quietWindows ?? 0));
  const [seen] = inForce[0]?.verification?.evidence ?? [];
  const look = seen === undefined ? "" : `: ${mailText(seen.signal, 80)} ${mailText(seen.observed, 120)}`;
  const lasts = inForce.every(survivesReboot);
  const wayBack = closing.incident === null ? "" : ` To undo it: nat-medic undo ${closing.incident.id}`;
  return {
    now: `Better in ${windows} windows in a row${look}. ${lasts ? "It survives a reboot." : "A reboot would lose it."}`,
    toDo: `${lasts ? "Nothing now." : "Nothing at once; make it last before the next reboot."}${wayBack}`,
  };
}

/** Nothing was changed: why not. */
function proposed(closing: Closing, instance: string): Verdict {
  const left = leftToDo(closing).length;
  const statuses = closing.steps.map(statusOf);
  const why = notChanged.find(({ because }) => statuses.includes(because));
  if (left === 0 && why?.because !== "skipped") {
    return {
      said: `NAT Medic needs you for ${instance}`,
      now: stillFails(closing),
      toDo: hasAdvice(closing)
        ? "Nothing can be changed from here; see what to know about it, below."
        : "NAT Medic knows nothing that could be changed here; see the reasons.",
    };
  }
  const changes = left === 1 ? "the change" : "the changes";
  if (why === undefined) {
    return {
      said: `NAT Medic proposes ${left === 1 ? "a change" : "changes"} for ${instance}`,
      now: stillFails(closing),
      toDo: `Decide about ${changes}; the commands are ready.`,
    };
  }
  return {
    said: `NAT Medic: ${instance} unchanged, ${why.word}`,
    headline: `NAT Medic changed nothing on ${instance}: ${why.sentence}.`,
    now: why.now ?? stillFails(closing),
    toDo: why.toDo(changes),
  };
}

function hasAdvice({ diagnosis }: Closing): boolean {
  return (diagnosis?.causes ?? []).some(({ advice }) => advice.length > 0);
}

type WhyNotChanged = {
  because: StepStatus;
  word: string;
  sentence: string;
  now?: string;
  toDo(changes: string): string;
};

/** By weight: an answer, or none, says more than what became of another step. */
const notChanged: readonly WhyNotChanged[] = [
  {
    because: "rejected",
    word: "rejected",
    sentence: "it was rejected",
    toDo: (changes) => `Nothing more comes from NAT Medic now. By hand ${changes} can still be made.`,
  },
  {
    because: "unanswered",
    word: "nobody answered",
    sentence: "nobody answered in time",
    toDo: (changes) => `Decide about ${changes}; the commands are ready.`,
  },
  {
    because: "withdrawn",
    word: "alarm cleared",
    sentence: "the alarm cleared before anybody decided",
    now: "The alarm is back to OK. The cause was not removed, so it may come again.",
    toDo: (changes) => `Nothing at once; decide in daylight about ${changes}.`,
  },
  {
    because: "refused",
    word: "host refused",
    sentence: "a guard on the host refused",
    toDo: (changes) => `See why the host refused, and whether ${changes} can be made in another way.`,
  },
  {
    because: "skipped",
    word: "not needed now",
    sentence: "it was not needed any more",
    now: "What the change was for no longer holds, so nothing was changed.",
    toDo: () => "Nothing, if connections work.",
  },
];

function stillFails({ diagnosis }: Closing): string {
  return diagnosis?.causes[0]?.severity === "warning"
    ? "Nothing was changed. It may not fail yet, and it will when this goes on."
    : "Nothing was changed, so it still fails, as far as NAT Medic knows.";
}

function failed({ steps, incident }: Closing, instance: string): Verdict {
  const said = `NAT Medic failed on ${instance} and needs you`;
  const unsettled = steps.find((record) => statusOf(record) === "unsettled");
  if (unsettled !== undefined && incident !== null) {
    return {
      said,
      now: ["Not known: a change may be in force that nobody verified.", ...restore(unsettled)].join(" "),
      toDo: `Look at the values on the instance. To put the old ones back: nat-medic undo ${incident.id}`,
    };
  }
  return {
    said,
    now: steps.some(mayBeInForce)
      ? "What was changed and verified before stays in force."
      : "Nothing is changed, as far as NAT Medic knows.",
    toDo: "Look for yourself while it fails.",
  };
}

function undoVerdict(
  { steps, incident }: Closing,
  { reason, forced }: NonNullable<Closing["undo"]>,
  instance: string,
): Verdict {
  const again = `nat-medic undo ${incident?.id ?? "INCIDENT"}`;
  if (steps.length === 0) {
    return {
      said: `NAT Medic had nothing to undo on ${instance}`,
      now: "Nothing of this incident is changed on the host any more.",
      toDo: "Nothing.",
    };
  }
  const unknown = steps.find(({ undone }) => undone?.status !== "told" || undone.change.status === "failed");
  if (unknown !== undefined) {
    return {
      said: `NAT Medic could not undo its changes on ${instance}`,
      now: ["Not known: what is in force has to be looked at.", ...restore(unknown)].join(" "),
      toDo: `Look at the values on the instance, then ask again: ${again}`,
    };
  }
  const alone = steps.filter(({ undone }) => told(undone)?.status === "refused");
  const [first] = alone;
  if (first !== undefined) {
    const part = alone.length < steps.length;
    return {
      said: `NAT Medic undid ${part ? "only a part" : "nothing"} on ${instance}: changed since`,
      headline: `NAT Medic undid ${part ? "only a part of its changes" : "nothing"} on ${instance}: the host refused.`,
      now: `${part ? "A part is put back, the rest" : "Everything"} was left alone: ${reasonOf(first.undone)}.`,
      toDo: forced
        ? "See why the host refused, and put the values back by hand."
        : `Decide whether it may be put back all the same. If so: ${again} --force`,
    };
  }
  const because = reason === null ? "" : ` It was undone because ${mailText(reason, 200)}.`;
  return {
    said: `NAT Medic undid its changes on ${instance}${reason === null ? " as asked" : ""}`,
    now: `The old values are back.${because} What failed before the changes may fail again.`,
    toDo: "Watch whether connections still work.",
  };
}
