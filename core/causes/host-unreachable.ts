import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const hostUnreachable: Cause = {
  id: "host-unreachable",
  title: "The NAT instance does not answer",
  symptom: "Nothing behind the NAT reaches the internet, or nobody can look why it does not.",
  fixes: [],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
