/** One instance's part in the daily look ahead: what will fail there is kept, and told with that of all others. */
import * as z from "zod/mini";
import { dailyHistoriesOf } from "../../aws/cloudwatch.ts";
import { keepReview, latestReview } from "../../aws/prevention-store.ts";
import { Diagnosis } from "../../core/diagnosis.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident, InstanceId } from "../../core/incident.ts";
import { Review } from "../../core/prevention/finding.ts";
import { daysBack, headroomMetrics } from "../../core/prevention/headroom.ts";
import { lookAhead } from "../../core/prevention/look-ahead.ts";
import { environment } from "../environment.ts";
import { step } from "../step.ts";

export const handler = step({
  input: z.object({
    incident: Incident,
    evidence: Evidence,
    diagnosis: Diagnosis,
    runId: Review.shape.runId,
  }),
  output: z.object({ instanceId: InstanceId, findings: z.int() }),
  run: async ({ incident, evidence, diagnosis, runId }) => {
    const { instanceId, openedAt } = incident;
    const table = environment.table();
    const before = await latestReview(table, incident);
    // Looked at again by the same run, it would forget what was new.
    if (before?.runId === runId) return { instanceId, findings: before.findings.length };
    const histories = await dailyHistoriesOf(headroomMetrics(instanceId), new Date(openedAt), daysBack);
    const horizonDays = environment.lookAheadDays();
    const review = lookAhead({ runId, incident, evidence, diagnosis, histories, before, horizonDays });
    await keepReview(table, review);
    return { instanceId, findings: review.findings.length };
  },
});
