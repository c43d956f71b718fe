import { type Fix, sendDocument } from "../fix.ts";

export const randomizeSourcePorts: Fix = {
  id: "randomize-source-ports",
  title: "Choose source ports at random",
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
