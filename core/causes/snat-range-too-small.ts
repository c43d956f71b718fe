import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const snatRangeTooSmall: Cause = {
  id: "snat-range-too-small",
  title: "The NAT rule may use only a few source ports",
  symptom: "New connections to busy destinations time out at random, far below any limit of the table.",
  fixes: ["widen-snat-range"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
