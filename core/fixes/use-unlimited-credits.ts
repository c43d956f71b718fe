import { cpuCredits } from "../evidence/cpu.ts";
import type { Fix } from "../fix.ts";
import { findInstance } from "../instance-type.ts";

/** Proposed only: it costs money for as long as the CPU is busier than the baseline. */
export const useUnlimitedCredits: Fix = {
  id: "use-unlimited-credits",
  title: "Let the instance run beyond its CPU credits",
  risk: "medium",
  document: null,
  precondition: "The type is burstable, its CPU credits are used up, and it may not borrow.",
  effect: "The CPU is no longer held at its baseline, at once and without a restart.",
  blastRadius: "The bill: what is used beyond the earned credits is charged by the vCPU hour.",
  verifiedBy: "Steal goes back to nearly nothing.",
  undoing: "Exact: standard mode again. Credits that were borrowed are charged then.",
  permissions: [],

  prepare({ cloud }) {
    if (cloud.type === null || !cloud.type.burstable) {
      return { impossible: "the instance type has no CPU credits, or EC2 did not say" };
    }
    if (cpuCredits(cloud) !== "gone") {
      return { impossible: "CPU credits are left, or it may borrow already" };
    }
    const setMode = (mode: "unlimited" | "standard") => [
      findInstance(cloud),
      `aws ec2 modify-instance-credit-specification --instance-credit-specifications "InstanceId=$INSTANCE,CpuCredits=${mode}"`,
    ];
    return {
      action: `Let the ${cloud.type.name} borrow CPU credits (unlimited mode)`,
      settings: [{ setting: "CPU credits", before: "standard", after: "unlimited" }],
      parameters: {},
      commands: setMode("unlimited"),
      undo: setMode("standard"),
    };
  },
};
