import type { Fix } from "../fix.ts";

export const changeInstanceType: Fix = {
  id: "change-instance-type",
  title: "Use an instance type that does not have this limit",
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
