import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const securityGroupBlocks: Cause = {
  id: "security-group-blocks",
  title: "The NAT's security group refuses the traffic of its clients",
  symptom: "Some clients or some protocols fail always, others never.",
  fixes: ["open-security-group"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
