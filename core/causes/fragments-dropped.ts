import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const fragmentsDropped: Cause = {
  id: "fragments-dropped",
  title: "Fragmented packets cannot be put together",
  symptom: "Answers that arrive in fragments are lost: large DNS answers, some VPNs and old servers.",
  fixes: ["raise-fragment-memory"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
