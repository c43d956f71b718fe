import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const rpFilterDrops: Cause = {
  id: "rp-filter-drops",
  title: "Reverse path filtering drops packets",
  symptom: "Traffic of some networks fails always or by the way it takes; with several interfaces mostly.",
  fixes: ["loosen-rp-filter"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
