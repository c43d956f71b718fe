import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const pathDegraded: Cause = {
  id: "path-degraded",
  title: "The NAT instance itself is too busy to forward",
  symptom: "All connections are slow and lose packets at busy times.",
  fixes: ["use-unlimited-credits", "enlarge-rx-ring", "change-instance-type"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
