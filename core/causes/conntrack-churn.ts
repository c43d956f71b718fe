import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const conntrackChurn: Cause = {
  id: "conntrack-churn",
  title: "Short connections fill the table with their remains",
  symptom: "The table fills with the rate of new connections, not with their number.",
  fixes: ["shorten-conntrack-timeouts", "raise-conntrack-max"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
