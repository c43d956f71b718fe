import { type Fix, sendDocument } from "../fix.ts";

export const stripTimestamps: Fix = {
  id: "strip-timestamps",
  title: "Open connections to that destination without TCP timestamps",
  risk: "medium",
  document: "ChangeFirewallRules",
  precondition: "",
  effect: "",
  blastRadius: "",
  verifiedBy: "",
  undoing: "",
  permissions: [sendDocument("ChangeFirewallRules")],

  prepare() {
    return { impossible: "not written yet" };
  },
};
