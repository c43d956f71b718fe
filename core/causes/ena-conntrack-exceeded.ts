import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const enaConntrackExceeded: Cause = {
  id: "ena-conntrack-exceeded",
  title: "The security group layer tracks more connections than the instance type allows",
  symptom:
    "New connections fail at random although the kernel's table has room and nothing on the host drops.",
  fixes: ["align-eni-timeouts", "untrack-security-group-rules", "change-instance-type"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
