/** Running one of our documents on a host: what is asked, and every way it can end. */
import { type ChangeResult, type HostChange, readChangeOutput } from "./change.ts";
import { readHostOutput } from "./evidence/host-output.ts";
import type { HostReading } from "./evidence.ts";
import type { Incident } from "./incident.ts";
import type { PlanStep } from "./plan.ts";

/** Documents that only read. */
type ReadingDocument = "CollectHostEvidence" | "CollectSourceEvidence" | "CollectWindowsSourceEvidence";
/** Documents of active tests: they send traffic or capture packets, and leave nothing. */
type ProbingDocument = "ProbeTimestamps" | "CaptureFragments";
export type DocumentName = ReadingDocument | ProbingDocument | NonNullable<PlanStep["document"]>;

export type Command = {
  instanceId: string;
  document: DocumentName;
  parameters: Record<string, string>;
  /** Shown beside the command in the console; at most 100 characters. */
  comment: string;
};

export type CommandOutcome =
  /** It ran to its end; `exitCode` may be anything. */
  | { status: "finished"; exitCode: number; stdout: string }
  /** No agent took it in time: nothing ran. */
  | { status: "unreachable"; detail: string }
  /** An agent took it, and it was killed or never answered: what it did is not known. */
  | { status: "timed-out"; detail: string }
  /** It was cancelled, or access was denied. */
  | { status: "refused"; detail: string };

export function hostReading(outcome: CommandOutcome): HostReading {
  switch (outcome.status) {
    case "finished":
      return readHostOutput(outcome.stdout);
    case "unreachable":
    case "timed-out":
    case "refused":
      return { status: "unread", reason: outcome.status, detail: outcome.detail };
    default:
      return outcome satisfies never;
  }
}

/** `forced`: an undo also puts back what somebody else has changed since. */
export function changeCommand(
  action: HostChange["action"],
  incident: Incident,
  step: PlanStep,
  { forced = false }: { forced?: boolean } = {},
): Command {
  if (step.document === null) throw new TypeError(`${step.fix} has no document: it is only ever proposed`);
  return {
    instanceId: incident.instanceId,
    document: step.document,
    parameters: {
      Action: action,
      IncidentId: incident.id,
      ...step.parameters,
      ...(forced ? { Force: "yes" } : {}),
    },
    comment: `NAT Medic ${action} ${incident.id}`,
  };
}

export function changeResult(outcome: CommandOutcome): ChangeResult {
  return outcome.status === "finished"
    ? readChangeOutput(outcome.stdout)
    : { status: "untold", detail: outcome.detail };
}
