import { configDefaults, defineConfig } from "vitest/config";
import LongestFirst from "./test/lab/longest-first.ts";

const unit = ["test/core/**/*.test.ts", "test/aws/**/*.test.ts", "test/local/states/**/*.test.ts"];
const wiring = ["test/wiring/**/*.test.ts"];
const lab = ["test/lab/**/*.test.ts", "test/local/qemu*.test.ts"];
const patience = (seconds: number) => ({ testTimeout: seconds * 1000, hookTimeout: seconds * 1000 });

/** The rings of tests, the quickest first. `npm test` runs all of them. */
export default defineConfig({
  test: {
    // The second prints the table of faults, when those are among what was tested.
    reporters: ["default", "./test/local/faults/table-reporter.ts"],
    sequence: { sequencer: LongestFirst },
    projects: [
      // Pure decisions, in seconds.
      { test: { name: "unit", include: unit } },
      // That files agree with each other: states, folders, template, permissions, documents, pages.
      { test: { name: "wiring", include: wiring, ...patience(60) } },
      // Real bundles, real HTTP, real shells; no virtual machine.
      {
        test: {
          name: "local",
          include: ["test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...unit, ...wiring, ...lab],
          ...patience(120),
        },
      },
      // A real kernel in QEMU: two guests at a time, since one under emulation keeps a core busy.
      { test: { name: "lab", include: lab, ...patience(300) } },
    ],
  },
});
