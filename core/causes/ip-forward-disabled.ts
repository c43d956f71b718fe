import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const ipForwardDisabled: Cause = {
  id: "ip-forward-disabled",
  title: "The kernel does not forward packets",
  symptom: "Nothing behind the NAT reaches the internet, while the NAT itself does.",
  fixes: ["enable-ip-forward"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
