import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const remoteRejectsTimestamps: Cause = {
  id: "remote-rejects-timestamps",
  title: "The destination refuses connections whose TCP timestamp goes back",
  symptom:
    "Some connections to one destination time out while others work at the same moment; one client alone never fails.",
  fixes: ["strip-timestamps", "tell-remote-owner"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
