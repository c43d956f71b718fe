/**
 * The publisher on a NAT instance: what one run costs on this machine by either transport, and whether the size of the
 * connection table matters, which only an emulated machine can show: its seconds compare with each other alone.
 */
import { execFile, execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as z from "zod/mini";
import { spliceScript } from "../host/documents.ts";
import { cloudwatch } from "../local/endpoint/cloudwatch.ts";
import { startEndpoint } from "../local/endpoint/wire.ts";
import { startAgent } from "../local/guest-metrics.ts";
import { bootGuest, type Guest } from "../local/qemu/guest.ts";
import { whyNoLab } from "../local/qemu/image.ts";
import { median, type Result } from "./result.ts";

const title = "Publisher: what one run costs the host";
const publisher = spliceScript(join(import.meta.dirname, "..", "host", "publish-metrics.sh"));
const environment = {
  NAT_MEDIC_INSTANCE_ID: "i-0a1b2c3d4e5f67890",
  NAT_MEDIC_REGION: "eu-central-1",
  NAT_MEDIC_PERIOD: "60",
};
const transports = { agent: 20, cli: 3 } as const;
type Transport = keyof typeof transports;
const sizes = [10_000, 250_000];
/** Of each size, in the guest. */
const guestRuns = 5;
const timeoutSeconds = 1800;

/** CPU seconds of all processes of a run, and the largest resident set of one of them. */
type Cost = { where: string; what: string; entries: string | number; cpuSeconds: number; largestKiB: number };

/** @param mostEntries larger tables are left out. */
export async function benchPublisher(mostEntries: number, report: (line: string) => void): Promise<Result> {
  const busybox = spawnable("busybox", ["true"]);
  if (!busybox) return { title, skipped: "BusyBox, which measures here, is missing" };
  const here: Cost[] = [];
  for (const transport of ["agent", "cli"] as const) {
    if (transport === "cli" && !spawnable("aws", ["--version"])) {
      report("publisher: there is no AWS CLI here, so it is not measured");
      continue;
    }
    here.push(await measureHere(transport));
  }
  const reason = whyNoLab();
  if (reason !== undefined) report(`publisher: not in a guest: ${reason}`);
  const there = reason === undefined ? await measureInGuest(mostEntries, report) : [];
  return resultOf(here, there);
}

function spawnable(program: string, words: string[]): boolean {
  try {
    execFileSync(program, words, { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** With this machine's own /proc and /sys, and state of its own. */
async function measureHere(transport: Transport): Promise<Cost> {
  const folder = mkdtempSync(join(tmpdir(), "nat-medic-bench-"));
  const agent = createSocket("udp4");
  const endpoint = await startEndpoint({ services: [cloudwatch({ series: [] })] });
  try {
    for (const kernel of ["proc", "sys"]) symlinkSync(`/${kernel}`, join(folder, kernel));
    mkdirSync(join(folder, "run"));
    writeFileSync(join(folder, "publisher"), publisher);
    agent.bind(25_888, "127.0.0.1");
    await once(agent, "listening");
    const env = {
      ...process.env,
      ...environment,
      NAT_MEDIC_TRANSPORT: transport,
      NAT_MEDIC_ROOT: folder,
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    };
    const last = join(folder, "run/nat-medic/publisher/last");
    const run = async (script: string) => (await promisify(execFile)("sh", ["-c", script], { env })).stdout;
    const runs = transports[transport];
    // `times` tells of its children, in hundredths: so of many runs at once.
    const times = await run(
      `n=0; while [ $n -lt ${runs} ]; do rm -f ${last}; sh ${folder}/publisher; n=$((n + 1)); done; times`,
    );
    readFileSync(last);
    const words = times.trim().split("\n").at(-1)?.split(/\s+/) ?? [];
    const seconds = words.map((word) => {
      const [, minutes = "0", rest = "0"] = /^(\d+)m([\d.]+)s$/.exec(word) ?? [];
      return Number(minutes) * 60 + Number(rest);
    });
    const told = await run(
      `rm -f ${last}; busybox time -v sh ${folder}/publisher 2>&1 >/dev/null | grep 'Maximum resident'`,
    );
    return {
      where: "this machine",
      what: transport === "agent" ? "by the CloudWatch agent" : "by the AWS CLI",
      entries: "",
      cpuSeconds: seconds.reduce((sum, each) => sum + each, 0) / runs,
      // BusyBox takes the kernel for one that counts in pages (of 4 KiB here), not in KiB.
      largestKiB: Number(/(\d+)\s*$/.exec(told)?.[1]) / 4,
    };
  } finally {
    agent.close();
    await endpoint.close();
    rmSync(folder, { recursive: true });
  }
}

/** In the guest. */
const place = "/run/lab/bench";

async function measureInGuest(mostEntries: number, report: (line: string) => void): Promise<Cost[]> {
  const guest = await bootGuest({ memoryMiB: 2048, report });
  try {
    await guest.must(`mkdir -p ${place}`);
    for (const file of ["fill-table.py", "measure.sh"]) {
      await guest.put(`${place}/${file}`, readFileSync(join(import.meta.dirname, file), "utf8"));
    }
    const variables = Object.entries({ ...environment, NAT_MEDIC_TRANSPORT: "agent" });
    const exports = variables.map(([name, value]) => `export ${name}=${value}`).join("\n");
    await guest.put(`${place}/publisher`, `${exports}\nrm -f /run/nat-medic/publisher/last\n${publisher}`);
    await startAgent(guest);
    await guest.must(`sysctl -q -w net.netfilter.nf_conntrack_max=1048576
      echo 262144 > /sys/module/nf_conntrack/parameters/hashsize
      sh ${place}/publisher`);
    const costs: Cost[] = [];
    let filled = 0;
    for (const entries of sizes.filter((size) => size <= mostEntries)) {
      report(`publisher: filling the table to ${entries.toLocaleString("en-US")} entries`);
      await guest.must(`python3 ${place}/fill-table.py ${filled} ${entries - filled}`, { timeoutSeconds });
      filled = entries;
      for (let run = 0; run < guestRuns; run += 1) costs.push(await measureThere(guest, entries));
    }
    return costs;
  } finally {
    await guest.stop();
  }
}

const Measured = z.object({ cpuSeconds: z.number(), largestProcessKiB: z.number() });

async function measureThere(guest: Guest, entries: number): Promise<Cost> {
  const printed = await guest.must(`sh ${place}/measure.sh ${place}/publisher ${place}/output
    [ -e /run/nat-medic/publisher/last ] || exit 1`);
  const { cpuSeconds, largestProcessKiB } = Measured.parse(JSON.parse(printed));
  return {
    where: "emulated",
    what: "by the CloudWatch agent",
    entries,
    cpuSeconds,
    largestKiB: largestProcessKiB,
  };
}

function resultOf(here: Cost[], there: Cost[]): Result {
  const bySize = [...Map.groupBy(there, ({ entries }) => entries).values()];
  const rows = [...here.map((cost) => [cost]), ...bySize].map((costs) => ({
    entries: costs[0]?.entries ?? "",
    "CPU ms": median(costs.map(({ cpuSeconds }) => cpuSeconds)) * 1000,
    "least ms": Math.min(...costs.map(({ cpuSeconds }) => cpuSeconds)) * 1000,
    "largest MB": (Math.max(...costs.map(({ largestKiB }) => largestKiB)) * 1024) / 1e6,
    where: costs[0]?.where ?? "",
    what: costs[0]?.what ?? "",
  }));
  const byAgent = here.find(({ what }) => what.includes("agent"));
  const [small, large] = bySize.map((costs) => Math.min(...costs.map(({ cpuSeconds }) => cpuSeconds)));
  return {
    title,
    method: [
      `this machine: mean of ${transports.agent} runs by the agent, ${transports.cli} by the CLI; emulated: ${guestRuns} runs for each size, median`,
      "CPU: of all processes, user and system. largest: resident set of the largest process, program text included",
      "A t4g.nano earns 6,000 ms of CPU a minute (5 % of two vCPUs)",
    ],
    rows,
    targets: [
      ...(byAgent === undefined
        ? []
        : [
            { what: "CPU of a run by the agent", measured: byAgent.cpuSeconds * 1000, limit: 60, unit: "ms" },
            {
              what: "largest process of a run by the agent",
              measured: (byAgent.largestKiB * 1024) / 1e6,
              limit: 16,
              unit: "MB",
            },
          ]),
      ...(small === undefined || large === undefined
        ? []
        : [
            {
              what: "CPU at 250,000 entries, of that at 10,000 (least disturbed runs)",
              measured: large / small,
              limit: 1.3,
              unit: "x",
            },
          ]),
    ],
  };
}
