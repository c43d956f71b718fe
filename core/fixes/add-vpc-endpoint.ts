import type { Fix } from "../fix.ts";

export const addVpcEndpoint: Fix = {
  id: "add-vpc-endpoint",
  title: "Take the traffic of AWS services off the NAT",
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
