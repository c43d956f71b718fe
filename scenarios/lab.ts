/**
 * `npm run lab -- [--all] [--system SYSTEM] [--no-variants] [SCENARIO ...]`: plays scenarios on real kernels, keeps what
 * was read (`scenarios/<id>/evidence.json`), compares what it is judged to be with what was staged, and writes
 * docs/accuracy.md from all that is kept. Ends with 1 when something was not named as it was staged.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { root } from "../build/layout.ts";
import { type CapturedCase, capturedCases, keepCase } from "../local/captured-evidence.ts";
import { bootGuest, type Guest } from "../local/qemu/guest.ts";
import { type System, type systems, whyNoLab } from "../local/qemu/image.ts";
import { resetLab } from "../local/qemu/topology.ts";
import { stageOn } from "../local/qemu-stage.ts";
import { readStage } from "../local/read-stage.ts";
import { readScenario, type Scenario, scenarioIds } from "../local/scenario.ts";
import { accuracyPage, isRight, scoreOf, trialLine, trialOf } from "./accuracy.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  allowNegative: true,
  options: {
    all: { type: "boolean", default: false },
    system: { type: "string" },
    variants: { type: "boolean", default: true },
  },
});
const missing = whyNoLab();
if (missing !== undefined) throw new Error(missing);
const known: readonly System[] = ["debian-12", "debian-13"] satisfies (keyof typeof systems)[];
const wanted = known.filter((name) => values.system === undefined || values.system === name);
if (wanted.length === 0) throw new Error(`--system takes one of ${known.join(", ")}`);
const scenarios = (values.all ? scenarioIds : positionals).map(readScenario);

// Side by side: a guest under emulation keeps one core busy.
const finished = await Promise.allSettled(wanted.map(playAll));
for (const { reason } of finished.filter((result) => result.status === "rejected")) console.error(reason);
writeFileSync(join(root, "docs", "accuracy.md"), accuracyPage());
const trials = scenarios.flatMap((scenario) =>
  capturedCases(scenario).map((each) => trialOf(scenario, each)),
);
const wrong = trials.filter((trial) => !isRight(scoreOf(trial)));
console.log(`\n${trials.length - wrong.length} of ${trials.length} as they were staged`);
for (const trial of wrong) console.log(`${trial.kernel}  ${trialLine(trial)}`);
// A stack that could not start may leave servers behind.
process.exit(wrong.length === 0 && finished.every(({ status }) => status === "fulfilled") ? 0 : 1);

async function playAll(system: System): Promise<void> {
  const bySize = Map.groupBy(scenarios, ({ host }) => host.memoryMiB);
  for (const [memoryMiB, group] of bySize) {
    const guest = await bootGuest({ memoryMiB, system, report: console.log });
    try {
      for (const scenario of group) {
        for (const variant of [undefined, ...(values.variants ? Object.keys(scenario.variants) : [])]) {
          const captured = await play(guest, scenario, variant);
          keepCase(scenario, captured);
          console.log(`${guest.kernel}  ${trialLine(trialOf(scenario, captured))}`);
        }
      }
    } finally {
      await guest.stop();
    }
  }
}

async function play(guest: Guest, scenario: Scenario, variant: string | undefined): Promise<CapturedCase> {
  await resetLab(guest);
  const stage = await stageOn(guest, scenario, () => {}, variant, { measured: false });
  const began = performance.now();
  const evidence = await readStage(stage, { probe: scenario.host.probe });
  return {
    variant: variant ?? null,
    kernel: guest.kernel,
    capturedAt: new Date().toISOString(),
    command: `npm run lab -- ${scenario.id}`,
    seconds: Math.round((performance.now() - began) / 100) / 10,
    evidence,
  };
}
