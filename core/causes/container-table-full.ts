import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const containerTableFull: Cause = {
  id: "container-table-full",
  title: "A container's connection tracking table is full, not the NAT's",
  symptom:
    "The kernel logs a full table while everything through the NAT works; a container on the host loses connections.",
  fixes: [],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
