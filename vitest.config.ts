import { configDefaults, defineConfig } from "vitest/config";

const lab = ["test/lab/**/*.test.ts", "test/local/qemu*.test.ts"];

/** The rings of tests, the quickest first. `npm test` runs all of them. */
export default defineConfig({
  test: {
    projects: [
      // Pure decisions, in seconds.
      { test: { name: "unit", include: ["test/core/**/*.test.ts", "test/local/states/**/*.test.ts"] } },
      // That files agree with each other: states, folders, template, permissions, documents, pages.
      { test: { name: "wiring", include: ["test/wiring/**/*.test.ts"] } },
      // Real bundles, real HTTP, real shells; no virtual machine.
      {
        test: {
          name: "local",
          include: ["test/**/*.test.ts"],
          exclude: [
            ...configDefaults.exclude,
            "test/core/**",
            "test/wiring/**",
            "test/local/states/**",
            ...lab,
          ],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      // A real kernel in QEMU: one guest at a time.
      {
        test: {
          name: "lab",
          include: lab,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
