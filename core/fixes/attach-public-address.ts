import type { Fix } from "../fix.ts";

export const attachPublicAddress: Fix = {
  id: "attach-public-address",
  title: "Give the NAT instance a public address",
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
