/** The request for a decision, for people who have nothing but the mail. */
import type { Diagnosis } from "../diagnosis.ts";
import type { Incident } from "../incident.ts";
import { plainLine } from "../plain-text.ts";
import type { PlanStep } from "../plan.ts";
import type { Message } from "../report.ts";
import { duration } from "../wording.ts";
import { causeSection } from "./diagnosis.ts";
import { indent, section } from "./layout.ts";
import { settings } from "./steps.ts";

export type ApprovalRequest = {
  incident: Incident;
  diagnosis: Diagnosis;
  step: PlanStep;
  taskToken: string;
  /** Seconds until the question lapses. */
  patience: number;
};

export function approvalRequest({
  incident,
  diagnosis,
  step,
  taskToken,
  patience,
}: ApprovalRequest): Message {
  const answer = (decision: string) =>
    `aws stepfunctions send-task-success --task-token ${taskToken} --task-output '{"decision":"${decision}"}'`;
  const body = [
    section(`NAT Medic needs a decision about ${incident.instanceId}.`, [
      `${step.action} (risk ${step.risk}).`,
      step.effect,
      `Reach: ${step.blastRadius}`,
      ...settings(step.settings),
      `Without an answer within ${duration(patience)} nothing is changed and the change is only proposed.`,
    ]),
    causeSection(diagnosis),
    section("TO APPROVE", [answer("approve")]),
    section("TO REJECT", [answer("reject")]),
    section("TO UNDO IT LATER", indent(step.undo)),
    section("INCIDENT", [`${incident.id}, mode ${incident.mode}: ${incident.modeReason}`]),
  ];
  return {
    subject: plainLine(`NAT Medic asks about ${incident.instanceId}: ${step.title}`, 100),
    body: `${body.join("\n\n")}\n`,
  };
}
