import type { ChangeResult, HostChange } from "../change.ts";
import type { Closing } from "../closing.ts";
import type { SettingChange } from "../fix.ts";
import type { Incident } from "../incident.ts";
import { type StepRecord, statusOf } from "../step-record.ts";
import { sendCommand } from "./by-hand.ts";
import { indent, observations, section } from "./layout.ts";

/** What was done to the host, with each value before and after, how it was verified, and the way back. */
export function changesSection({ steps, incident }: Closing): string {
  const done = steps.filter(({ applied }) => applied !== null);
  return section(
    done.length === 0 ? "" : "WHAT NAT MEDIC DID",
    done.flatMap((record, index) => [...(index === 0 ? [] : [""]), ...describe(record, incident)]),
  );
}

function describe(record: StepRecord, incident: Incident | null): string[] {
  const { step, applied, verification, persisted, undone, answer } = record;
  const lines = [step.action, ...(answer === "approve" ? ["  Approved by a person."] : [])];
  const values = told(applied)?.values ?? [];
  lines.push(
    ...indent(settings(values)),
    ...indent(told(applied)?.notes.map((note) => `Note: ${note}`) ?? []),
  );
  const status = statusOf(record);
  switch (status) {
    case "in-force":
      lines.push("  Verified, it helped:", ...indent(indent(observations(verification?.evidence ?? []))));
      lines.push(...indent(persistence(persisted)));
      lines.push("  To undo:", ...indent(indent(undo(record, incident))));
      break;
    case "undone":
      lines.push(...whyUndone(record));
      lines.push("  So it was undone:", ...indent(indent(settings(told(undone)?.values ?? []))));
      break;
    case "refused":
    case "failed":
      lines.push(`  Not done: ${told(applied)?.reason || "the fix did not run"}`);
      break;
    case "unsettled":
      lines.push(
        "  NAT Medic cannot tell whether this is in force, or could not put it back:",
        ...indent(indent([...trouble("apply", applied), ...trouble("undo", undone)])),
        "  Look at the values above on the instance; to put them back:",
        ...indent(indent(step.undo)),
      );
      break;
    case "proposed":
    case "rejected":
    case "unanswered":
      break;
    default:
      status satisfies never;
  }
  return lines;
}

function whyUndone({ applied, verification }: StepRecord): string[] {
  if (applied?.status === "untold") return [`  Whether it was done is not known: ${applied.detail}.`];
  const seen = indent(indent(observations(verification?.evidence ?? [])));
  const verdict = verification?.verdict ?? "unknown";
  switch (verdict) {
    case "worse":
      return ["  It made things worse:", ...seen];
    case "better":
    case "unchanged":
      return ["  It did not help:", ...seen];
    case "unknown":
      return ["  Whether it helped could not be seen:", ...seen];
    default:
      return verdict satisfies never;
  }
}

function told(result: ChangeResult | null): HostChange | undefined {
  return result?.status === "told" ? result.change : undefined;
}

function trouble(action: string, result: ChangeResult | null): string[] {
  if (result === null) return [];
  if (result.status === "untold") return [`${action}: ${result.detail}`];
  return result.change.reason === "" ? [] : [`${action}: ${result.change.reason}`];
}

export function settings(changes: readonly SettingChange[]): string[] {
  const width = Math.max(0, ...changes.map(({ setting }) => setting.length));
  return changes.map(({ setting, before, after }) => `${setting.padEnd(width)}  ${before} -> ${after}`);
}

function persistence(persisted: ChangeResult | null): string[] {
  const change = told(persisted);
  if (change?.status === "changed" || change?.status === "unchanged") {
    const paths = change.files.map(({ path }) => path);
    return [
      `Survives a reboot: ${paths.join(", ") || "already configured"}`,
      ...change.notes.map((note) => `Note: ${note}`),
    ];
  }
  const why = change?.reason ?? (persisted?.status === "untold" ? persisted.detail : "it was not tried");
  return [`Will be lost at the next reboot: ${why}`];
}

/** The host keeps the old values and files under the incident, so its own undo is exact; by hand for who has no AWS. */
function undo({ step, persisted }: StepRecord, incident: Incident | null): string[] {
  const written = told(persisted)?.files.filter(({ action }) => action === "written") ?? [];
  const byHand = [
    ...step.undo,
    ...(written.length === 0 ? [] : [`rm ${written.map(({ path }) => path).join(" ")}`]),
  ];
  if (incident === null || step.document === null) return byHand;
  const { instanceId, id: incidentId } = incident;
  return [
    sendCommand(step, { instanceId, incidentId, action: "undo" }),
    "or as root on the instance:",
    ...byHand,
  ];
}
