import type { Closing, Outcome } from "../closing.ts";
import { fixes } from "../fixes.ts";
import type { Incident } from "../incident.ts";
import type { PlanStep } from "../plan.ts";
import { statusOf } from "../step-record.ts";
import { sendCommand } from "./by-hand.ts";
import { indent, section } from "./layout.ts";
import { settings } from "./steps.ts";

const why = {
  proposed: "Proposed",
  rejected: "Rejected when asked",
  unanswered: "Nobody answered in time",
  refused: "Refused by a guard on the host",
} as const;

/** What is left for a person to do. */
export function nextSection(closing: Closing, outcome: Outcome): string {
  const { steps, plan, incident, diagnosis } = closing;
  const lines: string[] = [];
  for (const record of steps) {
    const status = statusOf(record);
    if (status === "proposed" || status === "rejected" || status === "unanswered" || status === "refused") {
      lines.push(...describeStep(record.step, why[status], incident));
    }
  }
  const reached = new Set(steps.map(({ step }) => step.fix));
  for (const step of plan?.steps ?? []) {
    if (!reached.has(step.fix)) lines.push(...describeStep(step, "Not tried", incident));
  }
  for (const { fix, reason } of plan?.impossible ?? []) {
    lines.push(`${fixes[fix].title}: not possible here, because ${reason}.`, "");
  }
  if (outcome === "undetermined" || outcome === "failed") {
    const instance = incident?.instanceId ?? "INSTANCE";
    lines.push(
      "See whether the instance and its SSM agent are well:",
      `  aws ec2 describe-instance-status --instance-ids ${instance}`,
      `  aws ssm describe-instance-information --filters Key=InstanceIds,Values=${instance}`,
      "Look for yourself, as root on the instance:",
      "  cat /proc/sys/net/netfilter/nf_conntrack_count /proc/sys/net/netfilter/nf_conntrack_max",
      "  conntrack -S; dmesg | grep nf_conntrack",
      "Ask again while it fails:",
      "  nat-medic doctor --sudo --ssh USER@HOST",
      "",
    );
  }
  if (diagnosis?.status === "cause-found") {
    lines.push("Do not reboot the instance: that empties the table for a while and fixes nothing.");
  }
  while (lines.at(-1) === "") lines.pop();
  return section("WHAT YOU CAN DO", lines);
}

/** A change that a person may make: what, why it was not made for them, how, and the way back. */
export function describeStep(
  step: PlanStep,
  reason = "Proposed",
  incident: Incident | null = null,
): string[] {
  const lines = [`${step.action} (risk ${step.risk})`, `  ${reason}. ${step.effect} ${step.blastRadius}`];
  lines.push(...indent(settings(step.settings)), "  Do:", ...indent(indent(step.commands)));
  if (step.document !== null && incident !== null) {
    const { instanceId, id: incidentId } = incident;
    lines.push(
      "  or from anywhere:",
      `    ${sendCommand(step, { instanceId, incidentId, action: "apply" })}`,
    );
  }
  lines.push("  Undo:", ...indent(indent(step.undo)), "");
  return lines;
}
