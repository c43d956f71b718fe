/** An alarm went back to OK: what was asked because of it need not be decided any more. */
import { clearTrigger, readIncident, readInstance } from "../../aws/incident-store.ts";
import { alarmsCleared } from "../../core/incident-record.ts";
import type { Cleared } from "../../core/triage.ts";
import { answerRequest } from "../answer-request.ts";
import { environment } from "../environment.ts";
import { now } from "../step.ts";

export async function withdrawQuestions({ alarmName, instanceIds, at }: Cleared): Promise<void> {
  const table = environment.table();
  for (const instanceId of instanceIds) {
    const { open } = await readInstance(table, instanceId);
    const record = open === null ? undefined : await readIncident(table, open.incidentId);
    if (record === undefined) continue;
    const { incident, triggers } = record;
    // Events may arrive in the wrong order: one from before the alarm says nothing about it.
    const concerned = triggers.filter(
      ({ trigger }) => trigger.kind === "alarm" && trigger.alarmName === alarmName && trigger.at < at,
    );
    if (concerned.length === 0) continue;
    await clearTrigger(table, incident.id, alarmName, at);
    const now_ = now();
    const cleared = triggers.map((known) =>
      concerned.includes(known) ? { ...known, clearedAt: at } : known,
    );
    if (!alarmsCleared(cleared)) continue;
    for (const request of record.requests.filter(({ decided }) => decided === null)) {
      const decided = { decision: "withdrawn" as const, by: `the alarm ${alarmName}`, note: "", at };
      await answerRequest(table, incident.id, request, decided, now_);
    }
  }
}
