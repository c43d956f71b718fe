import type { Fix } from "../fix.ts";

export const openSecurityGroup: Fix = {
  id: "open-security-group",
  title: "Allow the clients in the security group",
  risk: "medium",
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
