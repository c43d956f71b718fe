import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const sourcePortsExhausted: Cause = {
  id: "source-ports-exhausted",
  title: "A host behind the NAT has used up its own ports",
  symptom:
    "Connections of one host to one destination fail at once with EADDRNOTAVAIL; all other hosts are fine.",
  fixes: ["widen-client-ports"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
