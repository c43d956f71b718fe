import { type Fix, sendDocument } from "../fix.ts";

export const clampMss: Fix = {
  id: "clamp-mss",
  title: "Clamp the segment size to the path",
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
