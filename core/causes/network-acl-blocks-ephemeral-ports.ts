import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const networkAclBlocksEphemeralPorts: Cause = {
  id: "network-acl-blocks-ephemeral-ports",
  title: "A network ACL drops answers on some ephemeral ports",
  symptom: "A constant share of connections fails; trying again works, from another port.",
  fixes: ["open-network-acl"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
