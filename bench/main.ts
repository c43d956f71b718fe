/**
 * `npm run bench`: what NAT Medic costs, on the host it examines and where it runs. A benchmark, never a test: a target
 * that is missed is printed, and the exit code stays 0.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { benchCollector } from "./collector.ts";
import { benchDoctor } from "./doctor.ts";
import { benchFunctions } from "./functions.ts";
import { benchPublisher } from "./publisher.ts";
import type { Result } from "./result.ts";
import { resultText } from "./table.ts";

const help = `Usage: node bench/main.ts [functions] [doctor] [publisher] [collector] [--most ENTRIES] [--json FILE]

  functions       size of each bundle, and its start under Lambda's runtime client
  doctor          how long "nat-medic doctor" takes on this machine
  publisher       one run of the metrics' publisher, here and in a QEMU guest (two minutes on two quiet cores)
  collector       the collector against the usual commands, in a QEMU guest (ten minutes on two quiet cores)

  --most ENTRIES  fill the connection table no further than this (default 1000000)
  --json FILE     write the figures to this file as well

Run "npm run build" first, or all of it as "npm run bench".
`;

/** The quick ones first. */
const parts: Readonly<Record<string, (options: { mostEntries: number }) => Promise<Result>>> = {
  functions: () => benchFunctions(report),
  doctor: () => benchDoctor(report),
  publisher: ({ mostEntries }) => benchPublisher(mostEntries, report),
  collector: ({ mostEntries }) => benchCollector(mostEntries, report),
};

process.exitCode = await main();

async function main(): Promise<number> {
  let parsed: ReturnType<typeof readArguments>;
  try {
    parsed = readArguments();
  } catch (error) {
    return mistake(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) {
    process.stdout.write(help);
    return 0;
  }
  const unknown = positionals.find((name) => !Object.hasOwn(parts, name));
  if (unknown !== undefined) return mistake(`there is no part "${unknown}"`);
  const mostEntries = Number(values.most);
  if (!(mostEntries >= 10_000)) return mistake("--most takes 10000 or more");
  const results: Result[] = [];
  for (const [name, bench] of Object.entries(parts)) {
    if (positionals.length > 0 && !positionals.includes(name)) continue;
    const result = await bench({ mostEntries });
    results.push(result);
    console.log(`${resultText(result)}\n`);
  }
  if (values.json !== undefined) {
    const machine = { node: process.version, cpus: cpus().length, cpu: cpus()[0]?.model };
    writeFileSync(values.json, `${JSON.stringify({ machine, results }, null, 1)}\n`);
  }
  return 0;
}

function readArguments() {
  return parseArgs({
    allowPositionals: true,
    options: {
      most: { type: "string", default: "1000000" },
      json: { type: "string" },
      help: { type: "boolean", default: false },
    },
  });
}

function mistake(what: string): number {
  process.stderr.write(`bench: ${what} (see --help)\n`);
  return 2;
}

/** What goes on meanwhile; not part of the output. */
function report(line: string): void {
  process.stderr.write(`  ${line}\n`);
}
