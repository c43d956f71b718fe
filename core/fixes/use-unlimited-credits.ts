import type { Fix } from "../fix.ts";

export const useUnlimitedCredits: Fix = {
  id: "use-unlimited-credits",
  title: "Let the instance run beyond its CPU credits",
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
