import type { Fix } from "../fix.ts";

export const repairRoute: Fix = {
  id: "repair-route",
  title: "Repair the default route",
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
