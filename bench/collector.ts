/**
 * The collector on a NAT instance with a table of 10,000 to a million entries, against the commands that people type.
 * In an emulated machine: seconds are many times those of a real one, so what counts is how they compare.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as z from "zod/mini";
import { readHostOutput } from "../core/evidence/host-output.ts";
import { spliceScript } from "../host/documents.ts";
import { bootGuest, type Guest } from "../local/qemu/guest.ts";
import { whyNoLab } from "../local/qemu/image.ts";
import { median, type Result, type Target } from "./result.ts";

const title = "Collector: what it costs the host";
const sizes = [10_000, 100_000, 1_000_000];
/** Room for a million entries, the sorting of them, and the guest itself. */
const memoryMiB = 3072;
/** The largest command takes two minutes alone and several beside other work. */
const timeoutSeconds = 1800;

const collector = "collector";
const bareDump = "conntrack -L > /dev/null";
/** The three commands usually recommended for finding out what fills a table. */
const usualCommands = [
  "conntrack -L | awk '{print $4}' | sort | uniq -c | sort -rn | head -10",
  "conntrack -L | awk '{print $5}' | sort | uniq -c | sort -rn | head -10",
  "conntrack -L | awk '{print $4}' | grep -oP 'state=\\S+' | sort | uniq -c | sort -rn",
];
/** In turns, so that what disturbs hits all alike. The collector is cheap enough to run more often. */
const turns = [bareDump, ...usualCommands].flatMap((command) => [collector, command]).concat(collector);

const Cost = z.object({
  /** Of all its processes, user and system. */
  cpuSeconds: z.number(),
  wallSeconds: z.number(),
  /** What all its processes together added to the memory in use, at most. */
  memoryKiB: z.number(),
  /** Largest resident set of one process. */
  largestProcessKiB: z.number(),
  outputBytes: z.number(),
});
type Cost = z.infer<typeof Cost>;
type Measurement = { entries: number; what: string; cost: Cost };

/** @param mostEntries larger tables are left out. */
export async function benchCollector(mostEntries: number, report: (line: string) => void): Promise<Result> {
  const reason = whyNoLab();
  if (reason !== undefined) return { title, skipped: reason };
  const guest = await bootGuest({ memoryMiB, report });
  try {
    await prepare(guest);
    const measurements: Measurement[] = [];
    let filled = 0;
    for (const entries of sizes.filter((size) => size <= mostEntries)) {
      report(`collector: filling the table to ${entries.toLocaleString("en-US")} entries`);
      await guest.must(`python3 ${folder}/fill-table.py ${filled} ${entries - filled}`, { timeoutSeconds });
      filled = entries;
      for (const what of turns) {
        const cost = await measure(guest, what, entries);
        report(`${entries.toLocaleString("en-US")} entries: ${cost.cpuSeconds.toFixed(1)} s CPU  ${what}`);
        measurements.push({ entries, what, cost });
      }
    }
    return resultOf(measurements, guest.kernel);
  } finally {
    await guest.stop();
  }
}

/** In the guest. */
const folder = "/run/lab/bench";

async function prepare(guest: Guest): Promise<void> {
  await guest.must(`mkdir -p ${folder}`);
  for (const file of ["fill-table.py", "measure.sh"]) {
    await guest.put(`${folder}/${file}`, readFileSync(join(import.meta.dirname, file), "utf8"));
  }
  const script = spliceScript(join(import.meta.dirname, "..", "host", "collect-host-evidence.sh"));
  await guest.put(`${folder}/collector`, `SSM_SampleSeconds=1; export SSM_SampleSeconds\n${script}`);
  for (const [n, command] of [bareDump, ...usualCommands].entries()) {
    await guest.put(`${folder}/command-${n}`, `${command}\n`);
  }
  // Before the first entry: growing later would be growing under measurement.
  await guest.must(`
    sysctl -q -w net.netfilter.nf_conntrack_max=1048576
    echo 262144 > /sys/module/nf_conntrack/parameters/hashsize
    cd ${folder}
    # Reads all programs from disk once, and loads nf_conntrack_netlink.
    sh collector > /dev/null; for n in 0 1 2 3; do sh command-$n; done > /dev/null 2>&1`);
}

/** @throws Error when the collector did not read the table: what fails early is cheap. */
async function measure(guest: Guest, what: string, entries: number): Promise<Cost> {
  const script = what === collector ? "collector" : `command-${[bareDump, ...usualCommands].indexOf(what)}`;
  const printed = await guest.must(`sh ${folder}/measure.sh ${folder}/${script} ${folder}/output`, {
    timeoutSeconds,
  });
  if (what === collector) {
    const reading = readHostOutput(await guest.must(`cat ${folder}/output`));
    if (reading.status !== "read") throw new Error(`the collector failed: ${reading.detail}`);
    const sampled = reading.evidence.table?.entries ?? 0;
    if (sampled < Math.min(entries, sampleSize)) {
      throw new Error(`the collector read ${sampled} of ${entries} entries: ${reading.evidence.unread}`);
    }
  }
  return Cost.parse(JSON.parse(printed));
}

/** The collector's own default: this many entries it reads of a larger table. */
const sampleSize = 65_536;

function resultOf(measurements: Measurement[], kernel: string): Result {
  const costsOf = (what: string, entries: number) =>
    measurements.filter((each) => each.what === what && each.entries === entries).map(({ cost }) => cost);
  const measuredSizes = [...new Set(measurements.map(({ entries }) => entries))];
  return {
    title,
    method: [
      `Linux ${kernel} in QEMU, emulated: compare the figures with each other, not with those of a real machine`,
      `80 % TCP, one host with 45 % of the entries; the collector ${turns.filter((turn) => turn === collector).length} times between the commands, median; the commands once`,
      "CPU s: of all processes, user and system. least s: of the least disturbed run",
      "memory: of all processes together, without program text. largest: resident set of the largest process",
    ],
    rows: measuredSizes.flatMap((entries) =>
      [...new Set(turns)].map((what) => row(entries, what, costsOf(what, entries))),
    ),
    targets: measuredSizes.includes(1_000_000) ? targets(costsOf) : [],
  };
}

function row(entries: number, what: string, costs: Cost[]) {
  const cpu = costs.map(({ cpuSeconds }) => cpuSeconds);
  return {
    entries,
    "CPU s": median(cpu),
    "least s": Math.min(...cpu),
    "wall s": median(costs.map(({ wallSeconds }) => wallSeconds)),
    "memory MB": megabytes(costs.map(({ memoryKiB }) => memoryKiB)),
    "largest MB": megabytes(costs.map(({ largestProcessKiB }) => largestProcessKiB)),
    "output B": Math.max(...costs.map(({ outputBytes }) => outputBytes)),
    what,
  };
}

function megabytes(kibibytes: number[]): number {
  return (Math.max(...kibibytes) * 1024) / 1e6;
}

function targets(costsOf: (what: string, entries: number) => Cost[]): Target[] {
  const cpu = (what: string, entries: number) => costsOf(what, entries).map(({ cpuSeconds }) => cpuSeconds);
  const ofUsualCommands = usualCommands.reduce((sum, what) => sum + median(cpu(what, 1_000_000)), 0);
  const own = cpu(collector, 1_000_000);
  const memory = costsOf(collector, 1_000_000).flatMap((cost) => [cost.memoryKiB, cost.largestProcessKiB]);
  return [
    {
      what: "CPU at 1,000,000 entries, of that of the three usual commands together",
      measured: median(own) / ofUsualCommands,
      limit: 1 / 20,
      unit: "x",
    },
    {
      what: "CPU at 1,000,000 entries, of its own at 100,000 (least disturbed runs)",
      measured: Math.min(...own) / Math.min(...cpu(collector, 100_000)),
      limit: 1.3,
      unit: "x",
    },
    { what: "peak memory at 1,000,000 entries", measured: megabytes(memory), limit: 16, unit: "MB" },
  ];
}
