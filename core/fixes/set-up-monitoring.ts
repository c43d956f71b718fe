import type { Fix } from "../fix.ts";

export const setUpMonitoring: Fix = {
  id: "set-up-monitoring",
  title: "Watch the connection tracking table",
  risk: "low",
  document: null,
  precondition: "",
  effect: "",
  blastRadius: "",
  verifiedBy: "",
  undoing: "",
  permissions: [],

  prepare() {
    return { impossible: "not written yet" };
  },
};
