import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "../../build/layout.ts";

type Package = {
  optionalDependencies?: Record<string, string>;
  resolved?: string;
  hasInstallScript?: boolean;
};
const lock: { packages: Record<string, Package> } = JSON.parse(
  readFileSync(join(root, "package-lock.json"), "utf8"),
);
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const packages = Object.entries(lock.packages);

test("the lockfile has every platform's binaries, or npm ci refuses it on this one and fails on theirs", () => {
  for (const [name, { optionalDependencies = {} }] of packages) {
    for (const optional of Object.keys(optionalDependencies)) {
      expect(
        packages.some(([path]) => path.endsWith(`node_modules/${optional}`)),
        `${optional} of ${name}`,
      ).toBe(true);
    }
  }
});

test("nothing compiles at install: only packages that were looked at have an install script", () => {
  const scripted = packages
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ""));
  // fsevents is for macOS alone, and ships its binary.
  expect(scripted.filter((name) => name !== "fsevents").sort()).toEqual(
    Object.keys(manifest.allowScripts).sort(),
  );
});

test("every version is pinned, and the lockfile names no registry", () => {
  for (const version of Object.values({ ...manifest.dependencies, ...manifest.devDependencies })) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
  }
  expect(packages.filter(([, { resolved }]) => resolved !== undefined)).toEqual([]);
});
