import { type Fix, sendDocument } from "../fix.ts";

export const persistConntrackSettings: Fix = {
  id: "persist-conntrack-settings",
  title: "Make the running settings survive a reboot",
  risk: "low",
  document: "PersistConntrackSettings",
  precondition: "",
  effect: "",
  blastRadius: "",
  verifiedBy: "",
  undoing: "",
  permissions: [sendDocument("PersistConntrackSettings")],

  prepare() {
    return { impossible: "not written yet" };
  },
};
