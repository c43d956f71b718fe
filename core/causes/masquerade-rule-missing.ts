import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const masqueradeRuleMissing: Cause = {
  id: "masquerade-rule-missing",
  title: "No rule translates the source addresses",
  symptom:
    "Nothing behind the NAT reaches the internet, while the NAT itself does and every check of its state is green.",
  fixes: ["add-masquerade-rule"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
