import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const enaBandwidthExceeded: Cause = {
  id: "ena-bandwidth-exceeded",
  title: "The instance type's bandwidth is used up",
  symptom: "Everything through the NAT slows down and loses packets at busy times.",
  fixes: ["add-vpc-endpoint", "change-instance-type"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
