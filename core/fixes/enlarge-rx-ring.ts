import type { Fix } from "../fix.ts";

export const enlargeRxRing: Fix = {
  id: "enlarge-rx-ring",
  title: "Give the network card a larger receive ring",
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
