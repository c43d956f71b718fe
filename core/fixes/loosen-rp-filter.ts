import { type Fix, sendDocument } from "../fix.ts";

export const loosenRpFilter: Fix = {
  id: "loosen-rp-filter",
  title: "Accept packets whose source has a route by any interface",
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
