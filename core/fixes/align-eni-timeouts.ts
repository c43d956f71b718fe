import type { Fix } from "../fix.ts";

export const alignEniTimeouts: Fix = {
  id: "align-eni-timeouts",
  title: "Align the interface's idle timeout with the kernel's",
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
