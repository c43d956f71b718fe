/** Thousands of NAT instances: healthy ones that answer as a recorded host did, and some in trouble. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../build/layout.ts";
import { publishedMetrics } from "../../core/metrics.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { recordedHost } from "../../local/recorded-host.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile } from "../../local/scenario.ts";
import type { LocalStackOptions } from "../../local/stack.ts";
import { addNat, healthyWorld, natA, natB, type World } from "../../local/world.ts";

const healthy = readRecording(recordingFile(readScenario("healthy")));
const troubled = readRecording(recordingFile(readScenario("conntrack-table-full")));

/** Like EC2's: no two of them alike in their first or last digits. */
const idOf = (n: number) => `i-0${(n * 2_654_435_761 + 12_345).toString(16).padStart(16, "0").slice(-16)}`;

export type Fleet = {
  ids: string[];
  /** Those in trouble. */
  ill: string[];
  world: World;
  instances: LocalStackOptions["instances"];
  series: MetricSeries[];
};

/** @param now milliseconds since the epoch, when the run begins */
export function fleetOf(size: number, share: number, now: number): Fleet {
  const world = healthyWorld();
  const ids = Array.from({ length: size }, (_, n) => idOf(n));
  for (const [n, id] of ids.entries()) {
    const tail = `${100 + Math.floor(n / 250)}.${1 + (n % 250)}`;
    addNat(world, { id, address: `10.60.${tail}`, publicAddress: `198.18.${tail}` });
  }
  // The instances that every local world has belong to nobody here.
  for (const id of [natA, natB]) {
    const instance = world.instances[id];
    if (instance !== undefined) instance.Tags = [];
  }
  // One alarm watches all, as the template's do.
  world.alarms = {
    "nat-medic-fleet-table-filling": {
      AlarmName: "nat-medic-fleet-table-filling",
      StateValue: "OK",
      Metrics: [
        {
          Id: "q",
          Expression:
            'SELECT MAX(ConntrackUtilization) FROM SCHEMA("NatMedic", InstanceId) GROUP BY InstanceId',
          Period: 60,
        },
      ],
    },
  };
  const every = share === 0 ? Number.POSITIVE_INFINITY : Math.round(1 / share);
  const ill = ids.filter((_, n) => n % every === every - 1);
  const isIll = new Set(ill);
  return {
    ids,
    ill,
    world,
    instances: Object.fromEntries(
      ids.map((id) => [id, { host: recordedHost(isIll.has(id) ? troubled : healthy) }]),
    ),
    series: seriesOf(ids, now),
  };
}

/** Two weeks of quiet by the hour and three hours by the minute, which all share: what is asked counts, not the answer. */
function seriesOf(ids: readonly string[], now: number): MetricSeries[] {
  const ages = [
    ...Array.from({ length: 15 * 24 }, (_, n) => (n + 3) * 3600),
    ...Array.from({ length: 180 }, (_, n) => n * 60),
  ];
  const flat = (value: number) =>
    ages.map((age) => ({ at: new Date(now - age * 1000), value: value + (age % 7) / 10 }));
  const points = Object.keys(publishedMetrics)
    .filter((name) => name !== "EnaAllowanceExceeded")
    .map((metricName) => ({ metricName, points: flat(metricName === "EnaConntrackHeadroom" ? 90_000 : 1) }));
  return ids.flatMap((InstanceId) =>
    points.map((metric) => ({ namespace: "NatMedic", dimensions: { InstanceId }, ...metric })),
  );
}

const alarm: string = readFileSync(join(root, "events", "alarm-conntrack-utilization.json"), "utf8");

/** The alarm of one of them, as EventBridge delivers it. */
export function alarmOf(id: string): unknown {
  return JSON.parse(
    alarm.replaceAll(natA, id).replaceAll("nat-a-conntrack-utilization", `conntrack-utilization-of-${id}`),
  );
}
