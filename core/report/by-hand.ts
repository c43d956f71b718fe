import type { PlanStep } from "../plan.ts";

/** A step through our own document, from any terminal with AWS credentials: the host keeps it under the incident. */
export function sendCommand(
  { document, parameters }: PlanStep,
  { instanceId, incidentId, action }: { instanceId: string; incidentId: string; action: "apply" | "undo" },
): string {
  const pairs = Object.entries({ Action: action, IncidentId: incidentId, ...parameters });
  const given = pairs.map(([name, value]) => `${name}=${value}`).join(",");
  return `aws ssm send-command --instance-ids ${instanceId} --document-name NatMedic-${document} --parameters ${given}`;
}
