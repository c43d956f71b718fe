import { type Fix, sendDocument } from "../fix.ts";

export const enableIpForward: Fix = {
  id: "enable-ip-forward",
  title: "Let the kernel forward packets",
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
