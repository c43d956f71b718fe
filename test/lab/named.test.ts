/**
 * Every other scenario on a real kernel: brought about and named, and nothing else is. The variants, and the other
 * kernel, are for `npm run lab -- --all`.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { resetLab } from "../../local/qemu/topology.ts";
import { stageOn } from "../../local/qemu-stage.ts";
import { readStage } from "../../local/read-stage.ts";
import { readScenario, scenarioIds } from "../../local/scenario.ts";
import { scoreOf, trialLine, trialOf } from "../../scenarios/accuracy.ts";
import { allTheWay } from "./all-the-way.ts";

describe.skipIf(whyNoLab() !== undefined)("on a real kernel", () => {
  let guest: Guest;
  beforeAll(async () => {
    guest = await bootGuest({ memoryMiB: 1024 });
  });
  afterAll(async () => {
    await guest?.stop();
  });

  test.each(scenarioIds.filter((id) => !allTheWay.includes(id)))(
    "%s is named as it was staged",
    async (id) => {
      const scenario = readScenario(id);
      await resetLab(guest);
      const stage = await stageOn(guest, scenario, () => {}, undefined, { measured: false });
      const evidence = await readStage(stage, { probe: scenario.host.probe });
      const captured = {
        variant: null,
        kernel: guest.kernel,
        capturedAt: "now",
        command: "",
        seconds: 0,
        evidence,
      };
      const trial = trialOf(scenario, captured);
      expect(scoreOf(trial), trialLine(trial)).toEqual({
        leadingRight: true,
        missed: [],
        falseFindings: [],
        falseFixes: [],
      });
    },
  );
});
