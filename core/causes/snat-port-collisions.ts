import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const snatPortCollisions: Cause = {
  id: "snat-port-collisions",
  title: "Clients collide on source ports, and the kernel gives up searching",
  symptom:
    "A small share of new connections to one busy destination times out although most of its ports are free.",
  fixes: ["randomize-source-ports"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
