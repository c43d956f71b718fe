import type { Fix } from "../fix.ts";

export const tellRemoteOwner: Fix = {
  id: "tell-remote-owner",
  title: "Ask the owner of the destination to change it",
  risk: "low",
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
