import type { Fix } from "../fix.ts";

export const spreadNatAddresses: Fix = {
  id: "spread-nat-addresses",
  title: "Spread the connections over several addresses",
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
