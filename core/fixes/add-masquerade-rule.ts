import { type Fix, sendDocument } from "../fix.ts";

export const addMasqueradeRule: Fix = {
  id: "add-masquerade-rule",
  title: "Add the rule that translates the source addresses",
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
