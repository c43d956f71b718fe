import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const conntrackLimitMasked: Cause = {
  id: "conntrack-limit-masked",
  title: "The connection tracking table is at its limit, which early drops hide",
  symptom: "Handshakes that are slow to finish and UDP exchanges fail at random; nothing is logged.",
  fixes: ["raise-conntrack-max"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
