/** Our own execution died: what is known of what it did, from the incident store alone. */
import type { ChangeResult } from "../change.ts";
import type { FixId } from "../fix.ts";
import { fixes } from "../fixes.ts";
import type { HostAction, IncidentRecord } from "../incident-record.ts";
import type { Notice } from "../notice.ts";
import { instanceName } from "../place.ts";
import { mailText } from "../plain-text.ts";
import { unfinishedChanges } from "../undo.ts";
import { whereByHand } from "./by-hand.ts";
import { notice } from "./chat.ts";
import { causeSection, troubleFacts } from "./diagnosis.ts";
import { incidentSection, placeFact } from "./incident.ts";
import { type Fact, folded, indent, section } from "./layout.ts";
import { plainCause } from "./plain-cause.ts";
import { reasonOf, restore, settings, told } from "./steps.ts";
import { subject } from "./subject.ts";
import { alarmsSection, sinceFact, time } from "./triggers.ts";

export type Death = {
  /** Null when it died before it had opened an incident. */
  record: IncidentRecord | null;
  execution: string;
  status: "FAILED" | "TIMED_OUT" | "ABORTED";
  /** As Step Functions tells it; may be empty. */
  cause: string;
  /** Whether another execution now undoes what was left unverified. */
  undoing: boolean;
};

const how = {
  FAILED: "broke down",
  TIMED_OUT: "ran out of time",
  ABORTED: "was stopped",
} as const;

/** What its changes are left as: short for the subject, in full for the body. */
const inFull = {
  undoing: "its unverified change is being undone",
  "change in doubt": "an unverified change may be in force",
  settled: "every change is either verified and kept, or put back",
  unchanged: "nothing was changed",
} as const;

export function deathNotice({ record, execution, status, cause, undoing }: Death): Notice {
  const inDoubt = record === null ? [] : unfinishedChanges(record);
  const changed = record?.actions.some(({ action }) => action === "apply") ?? false;
  const left = undoing
    ? "undoing"
    : inDoubt.length > 0
      ? "change in doubt"
      : changed
        ? "settled"
        : "unchanged";
  const instance = record?.incident.instanceId;
  const on = record === null ? "an event" : instanceName(record.incident);
  const said = `NAT Medic ${how[status]} on ${on}, ${left}`;
  const [leading] = record?.findings?.diagnosis.causes ?? [];
  return notice({
    moment: "died",
    subject: subject(said, leading?.title),
    headline: `NAT Medic ${how[status]} on ${on}: ${inFull[left]}.`,
    facts: factsOf({ record, execution, status, cause, undoing }, inDoubt.length),
    sections: record === null ? [incidentSection(null, { execution })] : sections(record, execution),
    nextSteps:
      record === null
        ? [`See the execution in the Step Functions console`]
        : [
            `All that is known: nat-medic show ${record.incident.id}`,
            ...(inDoubt.length > 0 ? [`Put the old values back: nat-medic undo ${record.incident.id}`] : []),
          ],
    thread: record?.incident.id ?? execution.split(":").at(-1) ?? "nat-medic",
    keywords: [instance ?? "nat-medic", leading?.id ?? "no-cause", "died"],
    relatedResources: [instance ?? null, execution],
  });
}

function factsOf({ record, status, cause, undoing }: Death, inDoubt: number): Fact[] {
  const why = plainCause(cause);
  const trouble: Fact = [
    "Trouble",
    `NAT Medic's own execution ${how[status]} (${status})${why === "" ? "." : `: ${why}`}`,
  ];
  if (record === null) {
    return [
      trouble,
      [
        "Now",
        "No incident was opened, and a change is always recorded before it is made: nothing was changed.",
      ],
      ["To do", "See in the Step Functions console what it was about, and start it again if it matters."],
    ];
  }
  const { incident, findings, triggers } = record;
  return [
    trouble,
    ...troubleFacts(findings?.diagnosis ?? null, "fails"),
    sinceFact(incident, triggers),
    ...placeFact(incident),
    ["Got as far", reached(record)],
    ["Now", nowOf(record, inDoubt, undoing)],
    ["To do", toDo(record, inDoubt, undoing)],
  ];
}

/** The last thing that is on record. */
function reached({ findings, requests, actions, steps }: IncidentRecord): string {
  const action = actions.at(-1);
  const request = requests.at(-1);
  if (action !== undefined) {
    const ended = action.endedAt === null ? "begun, its end is not on record" : "ended";
    return `${verbs[action.action]} (${fixes[action.fix].title}), ${ended}.`;
  }
  if (request !== undefined) {
    return request.decided === null
      ? "waiting for a decision. An answer to it changes nothing any more."
      : `the decision of ${time(request.decided.at)} (${request.decided.decision}).`;
  }
  if (steps.length > 0) return "the plan; nothing was sent to the host.";
  return findings === null ? "reading the instance, before a diagnosis." : "the diagnosis and the plan.";
}

const verbs = {
  apply: "making the change",
  persist: "making the change last",
  undo: "undoing the change",
  show: "asking the host about the change",
} as const;

function nowOf({ actions }: IncidentRecord, inDoubt: number, undoing: boolean): string {
  if (!actions.some(({ action }) => action === "apply")) return "Nothing was changed on the host.";
  if (inDoubt === 0) return "Every change that was begun is either verified and kept, or put back.";
  return undoing
    ? "A change was left unverified; another execution puts the old values back now, and reports."
    : "A change was left unverified and may be in force.";
}

function toDo({ incident, actions }: IncidentRecord, inDoubt: number, undoing: boolean): string {
  if (undoing)
    return "Wait for the next message, a few minutes. If none comes, look at the values on the instance.";
  if (inDoubt > 0)
    return `Look at the values on the instance. To put the old ones back: nat-medic undo ${incident.id}`;
  return actions.length > 0
    ? "See whether connections work; the trouble may not be solved."
    : "The trouble is not solved. The next alarm starts anew, or start it by hand.";
}

function sections(record: IncidentRecord, execution: string): string[] {
  const { incident, findings, actions, triggers } = record;
  const touched = [...new Set(actions.map(({ fix }) => fix))];
  return [
    section(
      "WHAT IT DID TO THE HOST",
      touched.flatMap((fix, index) => [...(index === 0 ? [] : [""]), ...describe(fix, record)]),
    ),
    section("BY HAND", [
      "The instance is free: the next alarm opens a new incident. To start one yourself:",
      `  aws stepfunctions start-execution --state-machine-arn ${machineOf(execution)} --input '${startByHand(incident)}'`,
      "Look for yourself, as root on the instance:",
      "  cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max",
      "  conntrack -S; dmesg | grep nf_conntrack",
    ]),
    findings === null ? "" : causeSection(findings.diagnosis),
    alarmsSection(incident, triggers),
    incidentSection(incident, { execution }),
  ];
}

function describe(fix: FixId, { actions, findings, incident }: IncidentRecord): string[] {
  const step = findings?.plan.steps.find((planned) => planned.fix === fix);
  const mine = actions.filter((action) => action.fix === fix);
  const resultOf = (asked: HostAction["action"]) =>
    mine.find(({ action }) => action === asked)?.result ?? null;
  const applied = resultOf("apply");
  const restored = restore({ applied, persisted: resultOf("persist"), undone: resultOf("undo") });
  return [
    ...folded(mailText(step?.action ?? fixes[fix].title, 300), { hanging: 2 }),
    ...indent(settings(told(applied)?.values ?? step?.settings ?? [])),
    ...mine.flatMap(actionLine),
    ...indent(restored.flatMap((line) => folded(line, { depth: 4 }))),
    "  To put the old values back:",
    `    nat-medic undo ${incident.id}`,
    ...(step === undefined ? [] : [`  or ${whereByHand(step)}:`, ...indent(indent(step.undo))]),
  ];
}

const names = { apply: "change", persist: "make it last", undo: "undo", show: "ask the host" } as const;

function actionLine({ action, begunAt, endedAt, result }: HostAction): string[] {
  const end =
    endedAt === null ? "no end on record: it may have been done" : `${ended(result)} ${time(endedAt)}`;
  return indent(folded(`${names[action]}: begun ${time(begunAt)}, ${end}`, { hanging: 2, depth: 4 }));
}

function ended(result: ChangeResult | null): string {
  if (result === null) return "ended";
  if (result.status === "untold") return `result not known (${reasonOf(result)}),`;
  const reason = reasonOf(result);
  return `${result.change.status}${reason === "" ? "" : ` (${reason})`},`;
}

/** What starts the machine for the same instance. */
function startByHand({ instanceId, place }: IncidentRecord["incident"]): string {
  const there = place === null ? "" : `, "account": "${place.account}", "region": "${place.region}"`;
  return `{"instanceId": "${instanceId}"${there}}`;
}

/** `arn:…:execution:<machine>:<name>`; a placeholder for anything else, since this gets into a command. */
function machineOf(execution: string): string {
  const [, before, after] =
    /^(arn:[a-z0-9-]+:states:[a-z0-9-]+:\d{12}):execution:([A-Za-z0-9_-]+):/.exec(execution) ?? [];
  return before === undefined ? "STATE-MACHINE-ARN" : `${before}:stateMachine:${after}`;
}
