import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const routeMissing: Cause = {
  id: "route-missing",
  title: "A private subnet has no working route to the NAT",
  symptom: "Everything in some subnets fails while the others work.",
  fixes: ["repair-route"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
