/**
 * `node bench/simulate.ts [--instances 10000] [--incidents 0.02] [--concurrency 8] [--real-every 1]`: what a fleet asks of AWS, against its
 * quotas; how long it takes, and what it costs. Needs `npm run build`.
 */
import { parseArgs } from "node:util";
import { percent, whole } from "../core/wording.ts";
import { simulationText } from "./simulation/report.ts";
import { simulate } from "./simulation/run.ts";

const { values } = parseArgs({
  options: {
    instances: { type: "string", default: "10000" },
    incidents: { type: "string", default: "0.02" },
    concurrency: { type: "string", default: "8" },
    "real-every": { type: "string", default: "1" },
  },
});
const options = {
  instances: Number(values.instances),
  incidents: Number(values.incidents),
  concurrency: Number(values.concurrency),
  realEvery: Number(values["real-every"]),
};
if (
  !(
    options.instances >= 1 &&
    options.incidents >= 0 &&
    options.incidents <= 1 &&
    options.concurrency >= 1 &&
    options.realEvery >= 1
  )
) {
  console.error(
    "node bench/simulate.ts [--instances 10000] [--incidents 0.02] [--concurrency 8] [--real-every 1]",
  );
  process.exit(2);
}

let last = 0;
const begunAt = performance.now();
const simulation = await simulate({
  ...options,
  onProgress: (checked) => {
    const seconds = (performance.now() - begunAt) / 1000;
    if (seconds - last < 30) return;
    last = seconds;
    console.error(
      `  ${whole(checked)} checked (${percent(checked / options.instances)}) after ${whole(seconds)} s`,
    );
  },
});
console.log(simulationText(options, simulation));
