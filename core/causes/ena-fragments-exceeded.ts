import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const enaFragmentsExceeded: Cause = {
  id: "ena-fragments-exceeded",
  title: "EC2 drops IP fragments that leave the interface",
  symptom: "Large UDP packets and tunnels lose packets at random; small packets are fine.",
  fixes: ["clamp-mss", "change-instance-type"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
