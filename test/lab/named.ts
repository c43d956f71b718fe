/** Scenarios that are brought about on one guest, read by the deployed functions, and named as they were staged. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootGuest, type Guest } from "../../local/qemu/guest.ts";
import { whyNoLab } from "../../local/qemu/image.ts";
import { resetLab } from "../../local/qemu/topology.ts";
import { stageOn } from "../../local/qemu-stage.ts";
import { readStage } from "../../local/read-stage.ts";
import { readScenario, type Scenario, scenarioIds } from "../../local/scenario.ts";
import { scoreOf, trialLine, trialOf } from "../../scenarios/accuracy.ts";
import { allTheWay } from "./all-the-way.ts";

/** Those whose trouble is in AWS or in its network card, not in the kernel. */
export const ofTheCloud = ({ id, world, host }: Scenario): boolean =>
  Object.keys(world).length > 0 || !host.reachable || id.startsWith("ena-");

/** In a file of its own each, so that two guests share the work; the variants are for `npm run lab -- --all`. */
export function areNamedAsStaged(which: (scenario: Scenario) => boolean): void {
  const ids = scenarioIds.filter((id) => !allTheWay.includes(id) && which(readScenario(id)));

  describe.skipIf(whyNoLab() !== undefined)("on a real kernel", () => {
    let guest: Guest;
    beforeAll(async () => {
      // One processor: with two each, those of two guests wait for each other on two cores. The matrix has two.
      guest = await bootGuest({ processors: 1 });
    });
    afterAll(async () => {
      await guest?.stop();
    });

    test.each(ids)("%s is named as it was staged", async (id) => {
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
    });
  });
}
