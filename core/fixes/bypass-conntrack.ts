import type { Fix } from "../fix.ts";

export const bypassConntrack: Fix = {
  id: "bypass-conntrack",
  title: "Take traffic that needs no NAT out of connection tracking",
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
