/** The bundles: how large they are, and how long they take until Lambda can hand them an event. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { functionNames } from "../build/bundle.ts";
import { bundleFolder } from "../build/layout.ts";
import { startRuntime } from "../local/lambda/runtime.ts";
import { runtimeClient } from "../local/lambda/runtime-client.ts";
import { median, type Result } from "./result.ts";

const title = "Functions: bundle size and start";
const rounds = 15;
const emptyHandler = "an empty handler";

export async function benchFunctions(report: (line: string) => void): Promise<Result> {
  try {
    await runtimeClient();
  } catch (error) {
    return { title, skipped: `Lambda's runtime client cannot be fetched: ${String(error)}` };
  }
  const folder = mkdtempSync(join(tmpdir(), "nat-medic-bench-"));
  try {
    const empty = join(folder, "handler.mjs");
    writeFileSync(empty, "export const handler = async () => null;\n");
    const functions = functionNames.map((name) => ({
      name,
      bundle: join(bundleFolder(name), "handler.mjs"),
    }));
    const bundles: [Bundle, ...Bundle[]] = [{ name: emptyHandler, bundle: empty }, ...functions];
    return resultOf(bundles, await startTimes(bundles, report));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

type Bundle = { name: string; bundle: string };

/** Milliseconds of each start, by name. In turns and each beside an empty one, so that what disturbs hits all alike. */
async function startTimes(
  [empty, ...functions]: [Bundle, ...Bundle[]],
  report: (line: string) => void,
): Promise<Map<string, number[]>> {
  const times = new Map<string, number[]>();
  for (let round = 0; round <= rounds; round++) {
    if (round % 5 === 0) report(`functions, round ${round} of ${rounds}`);
    for (const { name, bundle } of functions.flatMap((each) => [empty, each])) {
      const runtime = await startRuntime({ bundle, handler: "handler.handler", environment });
      await runtime.stop();
      // The first round reads the files from disk.
      if (round > 0) times.set(name, [...(times.get(name) ?? []), runtime.initMilliseconds]);
    }
  }
  return times;
}

/** What the template sets; read when an event comes, but nothing may depend on that. */
const environment = {
  NAT_MEDIC_MODE: "propose",
  NAT_MEDIC_TOPIC_ARN: "arn:aws:sns:us-east-1:123456789012:nat-medic",
  NAT_MEDIC_APPROVAL_SECONDS: "14400",
};

function resultOf(bundles: Bundle[], times: Map<string, number[]>): Result {
  const startOf = (name: string) => median(times.get(name) ?? []);
  const rows = bundles.map(({ name, bundle }) => {
    const content = readFileSync(bundle);
    return {
      function: name,
      clients: sdkClients(content.toString("utf8")).join(" "),
      kB: content.length / 1000,
      "gzip kB": gzipSync(content).length / 1000,
      "start ms": startOf(name),
      "least ms": Math.min(...(times.get(name) ?? [])),
      "of empty": startOf(name) / startOf(emptyHandler),
    };
  });
  const slowest = rows
    .filter(({ clients }) => clients !== "" && !clients.includes(" "))
    .toSorted((a, b) => b["of empty"] - a["of empty"])[0];
  return {
    title,
    method: [
      `Node ${process.version} under Lambda's runtime client: from the start of the process until it asks for an event`,
      `median of ${rounds} starts; the bundles in turns, each beside an empty handler`,
    ],
    rows,
    targets:
      slowest === undefined
        ? []
        : [
            {
              what: `start of the slowest function with one SDK client (${slowest.function}) against an empty handler`,
              measured: slowest["of empty"],
              limit: 2.2,
              unit: "x",
            },
          ],
  };
}

/** The SDK clients in a bundle: each brings the namespace of its schemas, which no minifier touches. */
function sdkClients(bundle: string): string[] {
  const namespaces = bundle.matchAll(/"com\.amazonaws\.([a-z0-9]+)"/g);
  return [...new Set([...namespaces].map(([, service]) => service ?? ""))].sort();
}
