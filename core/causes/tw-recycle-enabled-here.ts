import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const twRecycleEnabledHere: Cause = {
  id: "tw-recycle-enabled-here",
  title: "This host recycles TIME_WAIT by timestamps",
  symptom: "Connections from networks behind other NATs to this host fail at random.",
  fixes: ["prefer-time-wait-reuse"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
