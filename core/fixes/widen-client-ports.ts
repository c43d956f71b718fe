import type { Fix } from "../fix.ts";

export const widenClientPorts: Fix = {
  id: "widen-client-ports",
  title: "Give the client more ports",
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
