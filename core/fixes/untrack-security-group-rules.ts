import type { Fix } from "../fix.ts";

export const untrackSecurityGroupRules: Fix = {
  id: "untrack-security-group-rules",
  title: "Let the security group layer track less",
  risk: "high",
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
