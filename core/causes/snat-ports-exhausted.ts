import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const snatPortsExhausted: Cause = {
  id: "snat-ports-exhausted",
  title: "The source ports towards one destination are used up",
  symptom: "New connections to one busy destination time out at random; other destinations are fine.",
  fixes: ["randomize-source-ports", "shorten-conntrack-timeouts", "spread-nat-addresses", "add-vpc-endpoint"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
