import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const neighbourTableOverflow: Cause = {
  id: "neighbour-table-overflow",
  title: "The neighbour table is full",
  symptom: "Packets to hosts in the NAT's own subnet disappear at random.",
  fixes: ["raise-neighbour-limits"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
