import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildSync } from "esbuild";

/** Handlers for these tests, bundled as ours are. */
export const bundle = (sources: Record<string, string>, format: "esm" | "cjs" = "esm") => {
  const folder = mkdtempSync(join(tmpdir(), "nat-medic-bundles-"));
  const file = (name: string) => join(folder, name, `handler.${format === "esm" ? "mjs" : "cjs"}`);
  for (const [name, contents] of Object.entries(sources)) {
    buildSync({
      stdin: { contents, loader: "ts", resolveDir: import.meta.dirname },
      outfile: file(name),
      bundle: true,
      minify: true,
      format,
      platform: "node",
      target: "node24",
    });
  }
  return { file, remove: () => rmSync(folder, { recursive: true, force: true }) };
};

/** One handler for every case: it does what the event says. */
export const versatile = `
  let count = 0;
  export const handler = async (event, context) => {
    count += 1;
    if (event.log) console.log(event.log);
    if (event.fail) {
      const error = new Error(event.fail);
      error.name = "NotOurs";
      throw error;
    }
    if (event.failWith) throw event.failWith;
    if (event.exit) process.exit(3);
    if (event.spin) for (;;);
    if (event.wait) await new Promise((resolve) => setTimeout(resolve, event.wait));
    if (event.nothing) return undefined;
    return {
      event,
      count,
      pid: process.pid,
      environment: process.env,
      context: { ...context, remaining: context.getRemainingTimeInMillis() },
      dropped: undefined,
    };
  };
`;
