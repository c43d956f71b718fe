#!/usr/bin/env node
// Starts the command line on a Node that can read it: the machine's own when it is new enough (the Lambda's major,
// 24), else the one that came from npm. Plain JavaScript, because an older Node must be able to run it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import module from "node:module";
import { fileURLToPath } from "node:url";

// A start is mostly compiling. Not in Node's own place for it, which everybody on this machine can write to.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL("../.cache/compiled", import.meta.url));

const main = fileURLToPath(new URL("main.ts", import.meta.url));
const fromNpm = fileURLToPath(new URL("../node_modules/node/bin/node", import.meta.url));

if (Number(process.versions.node.split(".")[0]) >= 24) {
  module.enableCompileCache(process.env.NODE_COMPILE_CACHE);
  await import("./main.ts");
} else if (existsSync(fromNpm)) {
  // Ctrl-C reaches the child as well, being in the same process group: only wait for it here.
  process.on("SIGINT", () => {});
  const { status, signal } = spawnSync(fromNpm, [main, ...process.argv.slice(2)], { stdio: "inherit" });
  process.exitCode = status ?? (signal === "SIGINT" ? 130 : 1);
} else {
  console.error(
    `nat-medic: needs Node 24 or later, this is ${process.version}; run "npm ci" in its folder first`,
  );
  process.exitCode = 2;
}
