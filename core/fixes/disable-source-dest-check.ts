import type { Fix } from "../fix.ts";

export const disableSourceDestCheck: Fix = {
  id: "disable-source-dest-check",
  title: "Let EC2 pass what the NAT forwards",
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
