/** The incident of the scenario conntrack-table-full as the store keeps it, from what the lab's kernel answered. */
import { readChangeOutput } from "../../core/change.ts";
import type { Decided } from "../../core/decision.ts";
import { diagnose } from "../../core/diagnosis.ts";
import { fixes } from "../../core/fixes.ts";
import type { Incident } from "../../core/incident.ts";
import type { HostAction, IncidentRecord } from "../../core/incident-record.ts";
import { planFor } from "../../core/plan.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile } from "../../local/scenario.ts";
import { captured, evidenceOf } from "./captured.ts";

const recording = readRecording(recordingFile(readScenario("conntrack-table-full")));
const at = (minute: number, second = 0) =>
  `2026-11-20T03:${String(minute).padStart(2, "0")}:${String(second).padStart(2, "0")}.000Z`;

const incident: Incident = {
  id: "inc-20261120t031250z-d4e5f678-abcdef012345",
  instanceId: "i-0a1b2c3d4e5f67890",
  mode: "approve",
  modeReason: "the stack's mode",
  trigger: {
    kind: "alarm",
    alarmName: "nat-a-conntrack-utilization",
    metric: null,
    reason: "Threshold Crossed",
    at: at(12, 44),
  },
  openedAt: at(12, 50),
  automaticChangesLeft: 3,
  probe: false,
  place: null,
};

/** What the host answered to one of our documents. */
function recordedAction(document: string, action: "apply" | "persist", minute: number): HostAction {
  const answer = recording.answers.find((it) => it.document === document && it.parameters.Action === action)!;
  const result = readChangeOutput(answer.stdout);
  const fix = Object.values(fixes).find((it) => `NatMedic-${it.document}` === document)!.id;
  return { fix, action, begunAt: at(minute), endedAt: at(minute, 2), result };
}

const approved: Decided = {
  decision: "approve",
  by: "Ana, 192.0.2.7",
  note: "go ahead, I watch",
  at: at(20),
};

/** Opened by an alarm, asked at 03:13. `decided`: null while nobody has. */
export function askedIncident(decided: Decided | null = null): IncidentRecord {
  const evidence = evidenceOf(captured("conntrack-table-full"));
  const diagnosis = diagnose(evidence, incident.trigger);
  return {
    incident,
    execution: "arn:aws:states:eu-central-1:123456789012:execution:nat-medic-remediate:abcdef012345",
    status: "open",
    triggers: [{ trigger: incident.trigger, joinedAt: incident.openedAt, clearedAt: null }],
    findings: { at: at(13), evidence, diagnosis, plan: planFor(diagnosis, evidence, incident) },
    requests: [
      {
        secretHash: "0".repeat(64),
        taskToken: "6f1c8d5e-0000-4000-8000-000000000000",
        fixes: ["raise-conntrack-max", "shorten-conntrack-timeouts"],
        askedAt: at(13, 1),
        expiresAt: "2026-11-20T07:13:01.000Z",
        decided,
        toldAt: at(13, 2),
        delivered: decided !== null,
      },
    ],
    actions: [],
    steps: [],
    closing: null,
  };
}

/** Approved, both steps applied, verified and made to last. */
export function fixedIncident(): IncidentRecord {
  const asked = askedIncident(approved);
  const actions = [
    recordedAction("NatMedic-RaiseConntrackMax", "apply", 21),
    recordedAction("NatMedic-RaiseConntrackMax", "persist", 23),
    recordedAction("NatMedic-ShortenConntrackTimeouts", "apply", 24),
    recordedAction("NatMedic-ShortenConntrackTimeouts", "persist", 26),
  ];
  const steps = asked
    .findings!.plan.steps.filter(({ decision }) => decision === "ask")
    .map((step) => ({
      step,
      answer: approved,
      skipped: null,
      applied: actions.find(({ fix, action }) => fix === step.fix && action === "apply")!.result,
      verification: {
        verdict: "better" as const,
        evidence: [{ signal: "connections dropped for want of room", observed: "0 in 5.0 s", expected: "0" }],
        quietWindows: 2,
      },
      persisted: actions.find(({ fix, action }) => fix === step.fix && action === "persist")!.result,
      undone: null,
    }));
  return {
    ...asked,
    status: "closed",
    actions,
    steps,
    closing: { at: at(27), outcome: "fixed", subject: "NAT Medic fixed i-0a1b2c3d4e5f67890", body: "..." },
  };
}
