import { type Fix, sendDocument } from "../fix.ts";

export const raiseFragmentMemory: Fix = {
  id: "raise-fragment-memory",
  title: "Give reassembly more memory",
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
