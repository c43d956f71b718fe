import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const pathMtuBlackhole: Cause = {
  id: "path-mtu-blackhole",
  title: "Packets are too large for the path, and the word of it does not arrive",
  symptom: "Connections open, then hang with the first large packet.",
  fixes: ["clamp-mss", "open-network-acl"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
