/** One ES module per function, with all that it uses inside; beside it, one for each that it imports only when needed. */
import { readdirSync } from "node:fs";
import { basename, join } from "node:path";
import { build } from "esbuild";
import { root } from "./layout.ts";
import {
  environmentCredentials,
  lazyBuiltins,
  literalSchemaKeys,
  loadedLater,
  noEventStreams,
} from "./plugins.ts";

/** The folders of `functions/`: each is one Lambda function. */
export const functionNames: readonly string[] = readdirSync(join(root, "functions"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Writes `<folder>/handler.mjs`, and what it loads later under the names of the sources. */
export async function bundleFunction(name: string, folder: string): Promise<void> {
  const later = await bundle(join(root, "functions", name, "handler.ts"), join(folder, "handler.mjs"));
  for (const source of later) await bundle(source, join(folder, basename(source).replace(/ts$/, "mjs")));
}

/** The sources that it leaves to be loaded later. */
async function bundle(source: string, outfile: string): Promise<ReadonlySet<string>> {
  const later = new Set<string>();
  await build({
    entryPoints: [source],
    outfile,
    bundle: true,
    platform: "node",
    target: "node24",
    format: "esm",
    minify: true,
    // Step Functions and people see the names of errors.
    keepNames: true,
    // What CommonJS packages in the bundle expect to find.
    banner: {
      js: 'import { createRequire as __cr } from "node:module"; const require = __cr(import.meta.url);',
    },
    mainFields: ["module", "main"],
    legalComments: "none",
    logLevel: "warning",
    plugins: [literalSchemaKeys, lazyBuiltins, environmentCredentials, noEventStreams, loadedLater(later)],
  });
  return later;
}
