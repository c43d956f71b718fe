import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const publicAddressMissing: Cause = {
  id: "public-address-missing",
  title: "The NAT instance has no public address",
  symptom: "Neither the NAT nor anything behind it reaches the internet.",
  fixes: ["attach-public-address"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
