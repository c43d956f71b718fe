import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const enaLinklocalExceeded: Cause = {
  id: "ena-linklocal-exceeded",
  title: "Too many packets to DNS, metadata and time from the NAT instance itself",
  symptom: "Names do not resolve, at random, on the NAT instance or through its resolver.",
  fixes: [],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
