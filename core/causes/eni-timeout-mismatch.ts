import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const eniTimeoutMismatch: Cause = {
  id: "eni-timeout-mismatch",
  title: "The security group layer forgets connections that the kernel still knows",
  symptom: "Connections that were idle for some minutes hang at their next packet.",
  fixes: ["align-eni-timeouts"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
