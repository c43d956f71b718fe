/** An alarm went back to OK: what was asked because of it need not be decided any more. */
import { clearTrigger, readIncident, readInstance } from "../../aws/incident-store.ts";
import type { DecisionRequest } from "../../core/decision.ts";
import { alarmsCleared } from "../../core/incident-record.ts";
import type { Cleared } from "../../core/triage.ts";
import { answerRequest } from "../answer-request.ts";
import { environment } from "../environment.ts";

export async function withdrawQuestions({ alarmName, instanceIds, at }: Cleared, now: string): Promise<void> {
  const table = environment.table();
  for (const instanceId of instanceIds) {
    const { open } = await readInstance(table, instanceId);
    if (open === null) continue;
    const { incidentId } = open;
    // Noted before the questions are read, as a question is kept before this note is: one of both sees the other.
    await clearTrigger(table, incidentId, alarmName, at);
    const record = await readIncident(table, incidentId);
    if (record === undefined || !alarmsCleared(record.triggers)) continue;
    const withdrawn = { decision: "withdrawn" as const, by: `the alarm ${alarmName}`, note: "", at };
    // Also what was withdrawn for this very reason by a function that died before the machine knew.
    const mine = ({ decided, delivered }: DecisionRequest) =>
      decided === null || (!delivered && decided.by === withdrawn.by && decided.at === at);
    for (const request of record.requests.filter(mine)) {
      await answerRequest(table, incidentId, request, withdrawn, now);
    }
  }
}
