/** What was done to the host, with each value before and after, how it was verified, and the way back. */
import type { ChangeResult, HostChange } from "../change.ts";
import type { Closing } from "../closing.ts";
import type { SettingChange } from "../fix.ts";
import type { Incident } from "../incident.ts";
import { mailText } from "../plain-text.ts";
import { type StepRecord, statusOf } from "../step-record.ts";
import { momentOf } from "../wording.ts";
import { removeFiles, sendCommand, whereByHand } from "./by-hand.ts";
import { decisionLines } from "./decision.ts";
import { folded, indent, observations, section } from "./layout.ts";

export function changesSection({ steps, incident, undo }: Closing): string {
  const done = steps.filter(({ applied, skipped }) => applied !== null || skipped !== null);
  const lines = done.flatMap((record, index) => [
    ...(index === 0 ? [] : [""]),
    ...(undo === null ? describe(record, incident) : describeUndo(record, incident, undo)),
  ]);
  if (incident !== null && undo === null && done.some(mayBeInForce)) {
    lines.push("", "To undo all of it, the last change first:", `  nat-medic undo ${incident.id}`);
  }
  return section("WHAT NAT MEDIC DID", lines);
}

export function mayBeInForce(record: StepRecord): boolean {
  return ["in-force", "unsettled"].includes(statusOf(record));
}

function describe(record: StepRecord, incident: Incident | null): string[] {
  const { step, answer, applied, verification, undone } = record;
  const lines = [
    ...folded(mailText(step.action, 300), { hanging: 2 }),
    ...indent(answer === null ? [] : decisionLines(answer)),
    ...indent([...settings(told(applied)?.values ?? []), ...notes(applied)]),
  ];
  const status = statusOf(record);
  switch (status) {
    case "in-force":
      lines.push(
        `  Verified, it helped in ${verification?.quietWindows ?? 0} windows in a row:`,
        ...indent(indent(observations(verification?.evidence ?? []))),
        ...indent(persistence(record)),
        ...indent(wayBack(record, incident)),
      );
      break;
    case "undone":
      lines.push(
        ...whyUndone(record),
        ...(undone === null
          ? []
          : [
              "  So it was undone:",
              ...indent(indent([...settings(told(undone)?.values ?? []), ...notes(undone)])),
            ]),
      );
      break;
    case "refused":
      lines.push(
        ...indent(
          folded(`Not done, a guard on the host said no: ${reasonOf(applied) || "it gave no reason"}`),
        ),
      );
      break;
    case "failed":
      lines.push(...indent(folded(`Not done, the fix failed: ${reasonOf(applied) || "it gave no reason"}`)));
      break;
    case "unsettled":
      lines.push(
        "  NAT Medic cannot tell whether this is in force, or could not put it back:",
        ...indent(indent([...trouble("apply", applied), ...trouble("undo", undone)])),
        ...(verification === null ? [] : whatWasSeen(verification)),
        ...indent(restoreLines(record)),
        "  Look at these values on the instance:",
        ...indent(indent(settings(told(applied)?.values ?? step.settings))),
        ...indent(wayBack(record, incident)),
      );
      break;
    case "proposed":
    case "rejected":
    case "unanswered":
    case "withdrawn":
      break;
    case "skipped":
      lines.push(
        ...indent(
          folded(`Skipped when its turn came, nothing was changed: ${mailText(record.skipped ?? "", 300)}`),
        ),
      );
      break;
    default:
      status satisfies never;
  }
  return lines;
}

function describeUndo(
  record: StepRecord,
  incident: Incident | null,
  { forced, reason }: NonNullable<Closing["undo"]>,
): string[] {
  const { step, undone } = record;
  const lines = folded(mailText(step.action, 300), { hanging: 2 });
  const change = told(undone);
  const status = change?.status ?? "untold";
  const values = change?.values ?? [];
  switch (status) {
    case "changed":
    case "unchanged":
      lines.push(
        `  ${status === "changed" ? (reason === null ? "Undone as asked" : "Undone") : "Undone before: nothing was left to put back"}`,
        ...indent(indent([...settings(values), ...files(change), ...notes(undone)])),
      );
      break;
    case "refused":
      lines.push(
        ...indent(folded(`Left alone: ${reasonOf(undone) || "the host gave no reason"}`, { hanging: 2 })),
        ...values.map(
          ({ setting, before, after }) =>
            `    ${mailText(setting, 120)} is now ${after || "not set"}; undone it would be ${before || "not set"}`,
        ),
      );
      if (!forced && incident !== null) {
        lines.push(
          "  If nobody needs it as it is now, put the old value back all the same:",
          `    nat-medic undo ${incident.id} --force`,
        );
      }
      break;
    case "failed":
    case "untold":
      lines.push(
        "  Whether it was undone is not known, or it failed:",
        ...indent(indent(trouble("undo", undone))),
        ...indent(restoreLines(record)),
        `  By hand, ${whereByHand(step)}:`,
        ...indent(indent(step.undo)),
      );
      break;
    default:
      status satisfies never;
  }
  return lines;
}

/** The restore came before the word that the change is to stay: it helped, and is gone. */
export function hostPutBack({ persisted }: StepRecord): boolean {
  return told(persisted)?.onRecord === "undone";
}

function whyUndone(record: StepRecord): string[] {
  const { applied, persisted, verification } = record;
  if (hostPutBack(record)) {
    return indent(
      folded(`It helped, but was not kept in time: ${reasonOf(persisted)}.`, { hanging: 2, depth: 4 }),
    );
  }
  if (applied?.status === "untold") {
    return indent(folded(`Whether it was done is not known: ${mailText(applied.detail, 300)}.`));
  }
  return verification === null ? ["  It could not be verified."] : whatWasSeen(verification);
}

function whatWasSeen({ verdict, evidence }: NonNullable<StepRecord["verification"]>): string[] {
  const seen = indent(indent(observations(evidence)));
  switch (verdict) {
    case "worse":
      return ["  It made things worse:", ...seen];
    case "better":
      return ["  It helped once, and not in two windows in a row:", ...seen];
    case "unchanged":
      return ["  It did not help:", ...seen];
    case "unknown":
      return ["  Whether it helped could not be seen:", ...seen];
    default:
      return verdict satisfies never;
  }
}

export function told(result: ChangeResult | null): HostChange | undefined {
  return result?.status === "told" ? result.change : undefined;
}

function trouble(action: string, result: ChangeResult | null): string[] {
  const reason = reasonOf(result);
  return reason === "" ? [] : folded(`${action}: ${reason}`, { hanging: 2, depth: 6 });
}

export function reasonOf(result: ChangeResult | null): string {
  if (result === null) return "";
  return mailText(result.status === "untold" ? result.detail : result.change.reason, 300);
}

export function settings(changes: readonly SettingChange[]): string[] {
  const shown = changes.map(({ setting, before, after }) => ({
    setting: mailText(setting, 120),
    value: `${mailText(before, 40) || "not set"} -> ${mailText(after, 40) || "not set"}`,
  }));
  const width = Math.max(0, ...shown.map(({ setting }) => setting.length));
  return shown.map(({ setting, value }) => `${setting.padEnd(width)}  ${value}`);
}

function notes(result: ChangeResult | null): string[] {
  return (told(result)?.notes ?? []).flatMap((note) =>
    folded(`Note: ${mailText(note, 200)}`, { hanging: 2 }),
  );
}

function files(change: HostChange | undefined): string[] {
  return (change?.files ?? []).map(({ path, action }) => `${action}  ${mailText(path, 200)}`);
}

/** What of a step the host was asked; the latest answer knows best whether it will put the old values back. */
export type Asked = Pick<StepRecord, "applied" | "persisted" | "undone">;

/** Armed before the change, and only disarmed by what keeps or undoes it. */
export function restore({ applied, persisted, undone }: Asked): string[] {
  const restoresAt =
    [undone, persisted, applied].map(told).find((change) => change !== undefined)?.restoresAt ?? 0;
  if (restoresAt === 0) return [];
  return [
    `The host itself puts the old values back at ${momentOf(restoresAt)}, unless it was told before to keep them.`,
  ];
}

function restoreLines(record: StepRecord): string[] {
  return restore(record).flatMap((line) => folded(line, { depth: 4 }));
}

export function survivesReboot({ persisted }: StepRecord): boolean {
  const status = told(persisted)?.status;
  return status === "changed" || status === "unchanged";
}

function persistence(record: StepRecord): string[] {
  const { persisted } = record;
  const change = told(persisted);
  if (hostPutBack(record))
    return folded(`Not in force any more: ${reasonOf(persisted)}`, { hanging: 2, depth: 4 });
  if (change !== undefined && survivesReboot(record)) {
    const paths = change.files.map(({ path }) => mailText(path, 200));
    return [
      ...folded(`Survives a reboot: ${paths.join(", ") || "already configured"}`, { hanging: 2, depth: 4 }),
      ...notes(persisted),
    ];
  }
  const why = reasonOf(persisted) || (persisted === null ? "it was not tried" : "the host gave no reason");
  return [
    ...folded(`Will be lost at the next reboot: ${why}`, { hanging: 2, depth: 4 }),
    // Not told that it is to stay, the host may still put it back.
    ...(change === undefined ? restoreLines(record) : []),
  ];
}

/** The host keeps the old values and files under the incident, so its own undo is exact; by hand for who has no AWS. */
function wayBack({ step, persisted }: StepRecord, incident: Incident | null): string[] {
  const written = told(persisted);
  const asRoot = indent([...step.undo, ...(written === undefined ? [] : removeFiles(written))]);
  if (incident === null || step.document === null) return [`To undo, ${whereByHand(step)}:`, ...asRoot];
  return [
    "To undo this one alone, from anywhere:",
    `  ${sendCommand(step, incident, "undo")}`,
    "or as root on the instance:",
    ...asRoot,
  ];
}
