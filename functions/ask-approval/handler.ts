/** Asks people for a decision on the plan. The state machine waits for the answer with the task token. */
import * as z from "zod/mini";
import { keepRequest, toldRequest } from "../../aws/incident-store.ts";
import { publish } from "../../aws/sns.ts";
import { Diagnosis } from "../../core/diagnosis.ts";
import { Incident } from "../../core/incident.ts";
import { publications } from "../../core/notice.ts";
import { Plan, stepsToAsk } from "../../core/plan.ts";
import { approvalNotice } from "../../core/report/approval.ts";
import { environment } from "../environment.ts";
import { hashOf, linkTo, newKey } from "../link.ts";
import { now, step } from "../step.ts";
import { isSettled } from "./is-settled.ts";

export const handler = step({
  input: z.object({
    incident: Incident,
    diagnosis: Diagnosis,
    plan: Plan,
    position: z.int(),
    taskToken: z.string(),
  }),
  output: z.void(),
  run: async ({ incident, diagnosis, plan, position, taskToken }) => {
    const table = environment.table();
    const askedAt = now();
    const key = newKey();
    const secretHash = hashOf(key);
    const link = linkTo(environment.pageUrl(), incident.id, key);
    const patience = environment.approvalSeconds();
    const expiresAt = new Date(Date.parse(askedAt) + patience * 1000).toISOString();
    const steps = stepsToAsk(plan, position);
    const fixes = steps.map(({ fix }) => fix);
    const asked = { secretHash, taskToken, fixes, askedAt, expiresAt, toldAt: null, decided: null };
    const request = { ...asked, delivered: false };
    // Kept before anything is looked at: an alarm that clears from now on finds the question.
    await keepRequest(table, incident.id, request);
    if (await isSettled(table, incident.id, request)) return;
    const notice = approvalNotice({ incident, diagnosis, plan, steps, link, taskToken, expiresAt, patience });
    for (const publication of publications(notice, environment.topics())) await publish(publication);
    await toldRequest(table, incident.id, secretHash, now());
  },
});
