/** An incident as a person wants it in a terminal. */
import { stateOf } from "../core/decision.ts";
import type { IncidentRecord } from "../core/incident-record.ts";
import { instanceName } from "../core/place.ts";
import { plainLine } from "../core/plain-text.ts";
import { causeSection, unknownSection } from "../core/report/diagnosis.ts";
import { folded, indent, observations, section } from "../core/report/layout.ts";
import { settings } from "../core/report/steps.ts";
import { type StepStatus, statusOf } from "../core/step-record.ts";
import { inWords, timelineOf } from "../core/timeline.ts";
import { changesToUndo } from "../core/undo.ts";
import { moment } from "../core/wording.ts";

/** `now`: ISO 8601; it says whether a question still waits. */
export function incidentText(record: IncidentRecord, now: string): string {
  const diagnosis = record.findings?.diagnosis;
  const text = [
    headSection(record),
    diagnosis === undefined ? "" : causeSection(diagnosis),
    diagnosis === undefined ? "" : unknownSection(diagnosis),
    planSection(record),
    decisionSection(record, now),
    changeSection(record),
    verificationSection(record),
    section("TIMELINE (UTC)", timelineLines(record)),
    nextSection(record, now),
  ]
    .filter((part) => part !== "")
    .join("\n\n");
  // Nothing that a host, an event or a person wrote may steer the terminal.
  return text.replace(/[^\P{C}\n]/gu, "?");
}

/** Time, then what happened; the day only where it is another than the line before. */
export function timelineLines(record: IncidentRecord): string[] {
  let day = "";
  return timelineOf(record).map(({ at, what }) => {
    const [date = "", time = ""] = moment(at).split(" ");
    const lead = date === day || time === "" ? " ".repeat(10) : date.padEnd(10);
    if (time !== "") day = date;
    return `${lead} ${(time || "?").padEnd(8)}  ${what}`;
  });
}

function headSection({ incident, status, closing, triggers, findings }: IncidentRecord): string {
  const [leading] = findings?.diagnosis.causes ?? [];
  const state =
    closing === null || status === "open"
      ? `open since ${moment(incident.openedAt)}`
      : `${closing.outcome}, closed ${moment(closing.at)}`;
  const started = triggers.map(({ trigger, clearedAt }) => {
    const name = trigger.kind === "alarm" ? `alarm ${plainLine(trigger.alarmName, 120)}` : "a start by hand";
    return `${name}, ${moment(trigger.at)}${clearedAt === null ? "" : `, cleared ${moment(clearedAt)}`}`;
  });
  return section(incident.id, [
    `${instanceName(incident)}: ${leading?.title ?? findings?.diagnosis.status ?? "not diagnosed"}`,
    ...(leading === undefined ? [] : [leading.symptom]),
    `Status   ${state}`,
    `Mode     ${incident.mode}: ${incident.modeReason}`,
    ...started.map((line, index) => `${index === 0 ? "Trigger" : "       "}  ${line}`),
    ...(closing === null ? [] : [`Told     ${closing.subject}`]),
  ]);
}

const standing: Readonly<Record<StepStatus, string>> = {
  proposed: "only proposed",
  rejected: "rejected",
  unanswered: "nobody answered",
  withdrawn: "withdrawn, the alarm cleared",
  skipped: "skipped",
  refused: "refused by a guard on the host",
  "in-force": "in force",
  undone: "undone",
  unsettled: "not settled: the host may be changed",
  failed: "failed",
};

function planSection({ findings, steps, status }: IncidentRecord): string {
  const plan = findings?.plan;
  if (plan === undefined) return "";
  const lines = plan.steps.flatMap((step, index) => {
    const finished = steps.find((record) => record.step.fix === step.fix);
    const pending = status === "open" ? { ask: "to be decided", apply: "to be applied" } : undefined;
    const state =
      finished === undefined
        ? step.decision === "propose"
          ? "only proposed"
          : (pending?.[step.decision] ?? "not tried")
        : standing[statusOf(finished)];
    return [
      ...folded(`${index + 1}. ${step.action} (risk ${step.risk}): ${state}`, { hanging: 3 }),
      ...settings(step.settings).map((line) => `   ${line}`),
      ...(step.decisionReason === "" ? [] : [`   ${step.decisionReason}`]),
      ...(finished?.skipped == null ? [] : [`   ${plainLine(finished.skipped, 200)}`]),
    ];
  });
  const impossible = plan.impossible.map(({ fix, reason }) => `-  ${fix}: not possible here, ${reason}`);
  return section("PLAN", [...lines, ...impossible]);
}

function decisionSection({ requests }: IncidentRecord, now: string): string {
  const lines = requests.map((request) => {
    const { fixes, askedAt, expiresAt, decided } = request;
    const answer =
      decided === null
        ? stateOf(request, now) === "waiting"
          ? `waits until ${moment(expiresAt)}`
          : `nobody answered until ${moment(expiresAt)}`
        : `${inWords(decided)}${decided.at === "" ? "" : ` (${moment(decided.at)})`}`;
    return [`Asked ${moment(askedAt)} about ${fixes.join(", ")}:`, `  ${answer}`];
  });
  return section("DECISIONS", lines.flat());
}

function changeSection({ actions }: IncidentRecord): string {
  const lines = actions.flatMap(({ fix, action, begunAt, result }, index) => {
    const last = !actions.slice(index + 1).some((later) => later.fix === fix);
    const head = `${moment(begunAt)}  ${action} ${fix}`;
    if (result === null) return [`${head}: sent, no answer on record`];
    if (result.status === "untold") return [`${head}: result not known, ${plainLine(result.detail, 200)}`];
    const { status, reason, values, files, notes, restoresAt } = result.change;
    return [
      `${head}: ${status}${reason === "" ? "" : `, ${reason}`}`,
      ...indent(settings(values.filter(({ before }) => before !== ""))),
      ...files.map((file) => `  ${file.path}: ${file.action}`),
      ...notes.map((note) => `  ${note}`),
      ...(restoresAt === 0 || !last
        ? []
        : [
            `  the host puts it back by itself at ${moment(new Date(restoresAt * 1000).toISOString())} unless told to keep it`,
          ]),
    ];
  });
  return section("CHANGES", lines);
}

function verificationSection({ steps }: IncidentRecord): string {
  const lines = steps.flatMap(({ step, verification }) => {
    if (verification === null) return [];
    const { verdict, quietWindows, evidence } = verification;
    const windows = quietWindows === 0 ? "" : ` in ${quietWindows} window${quietWindows === 1 ? "" : "s"}`;
    return [`${step.fix}: ${verdict}${windows}`, ...indent(observations(evidence))];
  });
  return section("VERIFICATION", lines);
}

function nextSection(record: IncidentRecord, now: string): string {
  const { id } = record.incident;
  if (record.requests.some((request) => stateOf(request, now) === "waiting")) {
    return section("NEXT", [`nat-medic approve ${id}`, `nat-medic reject ${id}`]);
  }
  const undoable = record.status === "closed" && changesToUndo(record).length > 0;
  return section("NEXT", undoable ? [`To undo: nat-medic undo ${id}`] : []);
}
