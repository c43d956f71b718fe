import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const conntrackUnmonitored: Cause = {
  id: "conntrack-unmonitored",
  title: "Nobody would notice when the connection tracking table fills up",
  symptom: "Nothing yet: the next full table is found by its victims.",
  fixes: ["set-up-monitoring"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
