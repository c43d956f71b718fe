import { type Fix, sendDocument } from "../fix.ts";

export const widenSnatRange: Fix = {
  id: "widen-snat-range",
  title: "Let the NAT rule use every port",
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
