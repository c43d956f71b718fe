/** Where a drill plays: a NAT host in trouble, AWS around it, and clients behind it who notice. */
import { metricNamespace } from "../core/metrics.ts";
import type { MetricPoint, MetricSeries } from "./endpoint/metric-series.ts";
import { type NatHost, unreachableHost } from "./host.ts";
import { recordedHost } from "./recorded-host.ts";
import { type Probe, readRecording } from "./recording.ts";
import { recordingFile, type Scenario } from "./scenario.ts";
import { natA, stagingOf, type World, worldOf } from "./world.ts";

export type Stage = {
  host: NatHost;
  /** Instances behind it whose agents answer, by instance ID. */
  clients: Record<string, NatHost>;
  world: World;
  /** What CloudWatch has besides `utilization`; a series of the same metric takes its place. */
  series: MetricSeries[];
  /** Whether time must pass for the host: a recorded one does not change while we wait. */
  real: boolean;
  /** Utilisation of the connection tracking table in percent, as the alarm's metric. */
  utilization: MetricPoint[];
  /** New connections through the NAT, before the trouble and with it. */
  before: Probe;
  during: Probe;
  /** The same, measured when it is called. */
  after(): Promise<Probe>;
  close(): Promise<void>;
};

/** The scenario as it went when it was recorded. */
export function recordedStage(scenario: Scenario): Stage {
  const recording = readRecording(recordingFile(scenario));
  const { before, during, after } = recording.traffic;
  // As if the alarm had been raised a moment ago: a metric of the past would not be found.
  const lastAt = Math.max(...recording.utilization.map(({ at }) => Date.parse(at)));
  const shift = Date.now() - 1000 - lastAt;
  const clients = Object.entries(recording.clients ?? {}).map(([id, answers]) => [
    id,
    recordedHost({ ...recording, answers }),
  ]);
  return {
    host: scenario.host.reachable ? recordedHost(recording) : unreachableHost,
    clients: Object.fromEntries(clients),
    world: worldOf(scenario),
    series: seriesOf(scenario),
    real: false,
    utilization: recording.utilization.map(({ at, value }) => ({
      at: new Date(Date.parse(at) + shift),
      value,
    })),
    before,
    during,
    after: async () => after,
    close: async () => {},
  };
}

/** The scenario's metrics, or its variant's, as if the last value were a moment old. */
export function seriesOf(scenario: Scenario, variant?: string): MetricSeries[] {
  const now = Date.now() - 1000;
  return stagingOf(scenario, variant).metrics.map(({ namespace, name, dimensions, values }) => ({
    namespace,
    metricName: name,
    dimensions: dimensions ?? { InstanceId: natA },
    points: values.map((value, index) => ({
      at: new Date(now - (values.length - 1 - index) * 60_000),
      value,
    })),
  }));
}

/** The stage as a local stack takes it. */
export function stackOn(stage: Stage, instanceIds: readonly string[]) {
  return {
    instances: {
      ...Object.fromEntries(Object.entries(stage.clients).map(([id, host]) => [id, { host }])),
      ...Object.fromEntries(instanceIds.map((id) => [id, natOn(stage)])),
    },
    world: stage.world,
    series: seriesOn(stage, instanceIds),
  };
}

/** Where nobody answers, Systems Manager gives up after a while; in a drill at once. */
const natOn = ({ host }: Stage) => ({ host, whenUnreachable: "delivery-timed-out" as const });

/** The stage's own, and the table's utilisation unless the stage has it otherwise. */
function seriesOn(stage: Stage, instanceIds: readonly string[]): MetricSeries[] {
  const utilization = instanceIds.map((InstanceId) => ({
    namespace: metricNamespace,
    metricName: "ConntrackUtilization",
    dimensions: { InstanceId },
    points: [...stage.utilization],
  }));
  const given = stage.series.map((series) => ({ ...series, points: [...series.points] }));
  const isGiven = ({ namespace, metricName, dimensions }: MetricSeries) =>
    given.some(
      (other) =>
        other.namespace === namespace &&
        other.metricName === metricName &&
        other.dimensions.InstanceId === dimensions.InstanceId,
    );
  return [...given, ...utilization.filter((series) => !isGiven(series))];
}
