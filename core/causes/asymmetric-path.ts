import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const asymmetricPath: Cause = {
  id: "asymmetric-path",
  title: "The NAT sees one direction of connections only",
  symptom: "Connections through it break after they opened, or at every failover.",
  fixes: ["repair-route"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
