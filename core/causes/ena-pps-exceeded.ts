import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const enaPpsExceeded: Cause = {
  id: "ena-pps-exceeded",
  title: "The instance type's packets per second are used up",
  symptom: "Everything through the NAT loses packets in bursts.",
  fixes: ["change-instance-type", "add-vpc-endpoint"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
