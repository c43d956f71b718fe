import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const sourceDestCheckEnabled: Cause = {
  id: "source-dest-check-enabled",
  title: "EC2 drops what the NAT forwards",
  symptom: "Nothing behind the NAT reaches the internet; the NAT's own connections work.",
  fixes: ["disable-source-dest-check"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
