/**
 * esbuild plugins that make a Lambda start in half the time. Each undoes one thing that keeps esbuild from
 * dropping what a function does not use; the measurements are in `npm run bench`.
 */
import { readdirSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { builtinModules } from "node:module";
import { basename, join } from "node:path";
import type { Plugin } from "esbuild";
import { root } from "./layout.ts";

/**
 * The SDK's schemas use computed keys (`[_e]: …`), which esbuild must keep because computing a key could do anything.
 * They are all constants of the same file: written out, unused schemas fall away (client-ec2: 823 kB to 312 kB).
 *
 * They also register a class for each error of the service, which keeps all of those (client-ssm: 65 kB). Left are the
 * ones that `aws/` names; any other arrives as the service's base exception, with its own name and message.
 */
export const literalSchemaKeys: Plugin = {
  name: "literal-schema-keys",
  setup(build) {
    const namedErrors = namesInAws();
    build.onLoad(
      { filter: /[/\\]@aws-sdk[/\\]client-[^/\\]+[/\\]dist-es[/\\]schemas[/\\]schemas_\d+\.js$/ },
      async ({ path }) => {
        const source = await readFile(path, "utf8");
        const constants = new Map(
          [...source.matchAll(/^const (_\w+) = ("[^"\n]*");$/gm)].map(([, name, text]) => [name, text]),
        );
        const contents = source
          .replace(/\[(_\w+)\]:/g, (whole, name: string) => {
            const text = constants.get(name);
            return text === undefined ? whole : `${text}:`;
          })
          .replace(/^n0_registry\.registerError\(\w+\$, (\w+)\);$/gm, (whole, name: string) =>
            namedErrors.has(name) ? whole : "",
          );
        return { contents, loader: "js" };
      },
    );
  },
};

/** Every capitalised word in `aws/`: what it imports from the SDK is among them. */
function namesInAws(): ReadonlySet<string> {
  const folder = join(root, "aws");
  const sources = readdirSync(folder).map((file) => readFileSync(join(folder, file), "utf8"));
  return new Set(sources.join("\n").match(/\b[A-Z]\w+/g));
}

/**
 * An ES module's `import "node:http"` reads every export of it and so loads the whole of fetch (42 ms);
 * asking the process for the module does not (6 ms).
 */
export const lazyBuiltins: Plugin = {
  name: "lazy-builtins",
  setup(build) {
    const names = new Set(builtinModules);
    build.onResolve({ filter: /^(node:)?[a-z0-9_/]+$/ }, ({ path }) => {
      const name = path.replace(/^node:/, "");
      return names.has(name) ? { path: name, namespace: "builtin" } : undefined;
    });
    build.onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule("node:${path}");`,
      loader: "js",
    }));
  },
};

/** A Lambda function's credentials are in its environment: no file, no metadata service, no single sign-on. */
export const environmentCredentials: Plugin = {
  name: "environment-credentials",
  setup(build) {
    build.onResolve({ filter: /^@aws-sdk\/credential-provider-node$/ }, () => ({
      path: "credentials",
      namespace: "environment-credentials",
    }));
    build.onLoad({ filter: /.*/, namespace: "environment-credentials" }, () => ({
      contents: `export const defaultProvider = () => async () => ({
        accessKeyId: process.env.AWS_ACCESS_KEY_ID,
        secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY,
        sessionToken: process.env.AWS_SESSION_TOKEN,
      });`,
      loader: "js",
    }));
  },
};

/**
 * The SDK loads its event streams by `import()`, so esbuild keeps all of them, and wraps what they share with the rest:
 * 20 kB and a tenth of the start. No service that we call has any; should one, its call fails loudly.
 */
export const noEventStreams: Plugin = {
  name: "no-event-streams",
  setup(build) {
    build.onResolve({ filter: /^@smithy\/core\/event-streams$/ }, ({ kind }) =>
      kind === "dynamic-import" ? { path: "event-streams", namespace: "no-event-streams" } : undefined,
    );
    build.onLoad({ filter: /.*/, namespace: "no-event-streams" }, () => ({
      contents: 'throw new Error("event streams were left out of this bundle (build/plugins.ts)");',
      loader: "js",
    }));
  },
};

/**
 * A module of ours that is imported by `import()` becomes a file beside the bundle. Within it, esbuild would wrap all that
 * both use so that it can run late, and every start would read what few need. `found` is told of each.
 */
export const loadedLater = (found: Set<string>): Plugin => ({
  name: "loaded-later",
  setup(build) {
    build.onResolve({ filter: /^\.{1,2}\/.*\.ts$/ }, ({ kind, path, resolveDir }) => {
      if (kind !== "dynamic-import") return undefined;
      const source = join(resolveDir, path);
      found.add(source);
      return { path: `./${basename(source).replace(/ts$/, "mjs")}`, external: true };
    });
  },
});
