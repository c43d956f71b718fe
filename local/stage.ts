/** Where a drill plays: a NAT host in trouble, and clients behind it who notice. */
import type { MetricPoint } from "./endpoint/metric-series.ts";
import type { NatHost } from "./host.ts";
import { recordedHost } from "./recorded-host.ts";
import { type Probe, readRecording } from "./recording.ts";
import { recordingFile, type Scenario } from "./scenario.ts";

export type Stage = {
  host: NatHost;
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
  return {
    host: recordedHost(recording),
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
