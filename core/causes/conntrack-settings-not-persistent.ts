import { type Cause, type Judgement, unreadHost } from "../cause.ts";

export const conntrackSettingsNotPersistent: Cause = {
  id: "conntrack-settings-not-persistent",
  title: "The settings of connection tracking will be lost at the next boot",
  symptom: "Nothing yet: the next reboot or replacement brings the old trouble back.",
  fixes: ["persist-conntrack-settings"],

  judge({ host }): Judgement {
    if (host.status === "unread") return { verdict: "unknown", missing: unreadHost(host.detail) };
    return { verdict: "unknown", missing: "not written yet", asked: false };
  },

  verify: null,
};
