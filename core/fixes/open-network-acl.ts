import type { Fix } from "../fix.ts";

export const openNetworkAcl: Fix = {
  id: "open-network-acl",
  title: "Allow the ephemeral ports in the network ACL",
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
