import { type Fix, sendDocument } from "../fix.ts";

export const raiseNeighbourLimits: Fix = {
  id: "raise-neighbour-limits",
  title: "Raise the limits of the neighbour table",
  risk: "low",
  document: "SetKernelParameters",
  precondition: "",
  effect: "",
  blastRadius: "",
  verifiedBy: "",
  undoing: "",
  permissions: [sendDocument("SetKernelParameters")],

  prepare() {
    return { impossible: "not written yet" };
  },
};
