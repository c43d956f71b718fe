import { type Fix, sendDocument } from "../fix.ts";

export const preferTimeWaitReuse: Fix = {
  id: "prefer-time-wait-reuse",
  title: "Reuse TIME_WAIT the safe way",
  risk: "medium",
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
