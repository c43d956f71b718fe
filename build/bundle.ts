/** One ES module per function, with all that it uses inside. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { root } from "./layout.ts";
import { environmentCredentials, lazyBuiltins, literalSchemaKeys, noEventStreams } from "./plugins.ts";

/** The folders of `functions/`: each is one Lambda function. */
export const functionNames: readonly string[] = readdirSync(join(root, "functions"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

/** Writes `<folder>/handler.mjs`. */
export async function bundleFunction(name: string, folder: string): Promise<void> {
  await build({
    entryPoints: [join(root, "functions", name, "handler.ts")],
    outfile: join(folder, "handler.mjs"),
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
    plugins: [literalSchemaKeys, lazyBuiltins, environmentCredentials, noEventStreams],
  });
}
