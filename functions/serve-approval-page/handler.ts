/** The page that a request for a decision links to. Opening it decides nothing; its form does, once. */
import * as z from "zod/mini";
import { readIncident } from "../../aws/incident-store.ts";
import { deciderOf } from "../../core/decision.ts";
import { approvalPage } from "../../core/page/approval-page.ts";
import { plainPage } from "../../core/page/document.ts";
import { pageState } from "../../core/page/state.ts";
import { answerRequest, deliver } from "../answer-request.ts";
import { environment } from "../environment.ts";
import { http, notFound } from "../http.ts";
import { requestOf } from "../link.ts";
import { now } from "../step.ts";

/** What a person can answer on the page. */
const Said = z.enum(["approve", "reject"]);
const nothingThere = { status: 404, html: notFound } as const;

export const handler = http({
  path: /^\/incidents\/(inc-[a-z0-9-]{8,60})$/,

  get: async ({ path: [id = ""], query }) => {
    const key = query.get("key") ?? "";
    const record = await readIncident(environment.table(), id);
    const request = record && requestOf(record, key);
    if (record === undefined || request === undefined) return nothingThere;
    // A person decided, and we were interrupted before Step Functions knew.
    const byPerson = z.safeParse(Said, request.decided?.decision).success;
    if (byPerson && !request.delivered && record.status === "open") {
      await deliver(environment.table(), id, request, now());
    }
    const said = z.safeParse(Said, query.get("said"));
    return {
      status: 200,
      html: approvalPage({ record, request, now: now(), key, said: said.success ? said.data : null }),
    };
  },

  post: async ({ path: [id = ""], form, sourceIp }) => {
    const key = form.get("key") ?? "";
    const record = await readIncident(environment.table(), id);
    const request = record && requestOf(record, key);
    if (record === undefined || request === undefined) return nothingThere;
    const said = z.safeParse(Said, form.get("decision"));
    if (!said.success) {
      return {
        status: 400,
        html: plainPage("That was neither Approve nor Reject", ["Nothing was decided."]),
      };
    }
    const at = now();
    if (pageState(record, request, at) === "waiting") {
      const by = deciderOf({ name: form.get("name") ?? "", place: `${sourceIp} (approval page)` });
      const decided = { decision: said.data, by, note: form.get("note") ?? "", at };
      await answerRequest(environment.table(), id, request, decided, at);
    }
    return { seeOther: `?key=${key}&said=${said.data}` };
  },
});
