/** Evidence captured from the real kernel of the lab: the first reading of a scenario, and the one after its first fix. */

import * as z from "zod/mini";
import { CloudEvidence, noCloudEvidence } from "../../core/evidence/cloud.ts";
import type { HostEvidence } from "../../core/evidence/host.ts";
import { readHostOutput } from "../../core/evidence/host-output.ts";
import { noProbes } from "../../core/evidence/probe.ts";
import type { Evidence } from "../../core/evidence.ts";
import type { Trigger } from "../../core/incident.ts";
import { readRecording } from "../../local/recording.ts";
import { readScenario, recordingFile } from "../../local/scenario.ts";

function readings(scenario: string): HostEvidence[] {
  const { answers } = readRecording(recordingFile(readScenario(scenario)));
  return answers
    .filter(({ document }) => document === "NatMedic-CollectHostEvidence")
    .map(({ stdout }) => {
      const reading = readHostOutput(stdout);
      if (reading.status === "unread") throw new Error(`${scenario}: ${reading.detail}`);
      return reading.evidence;
    });
}

export const captured = (scenario: string): HostEvidence => readings(scenario)[0]!;
export const capturedAfterFix = (scenario: string): HostEvidence => readings(scenario)[1]!;

/** What AWS said, as far as the test cares. */
export const cloudOf = (said: object): CloudEvidence =>
  z.parse(CloudEvidence, { instance: null, metric: null, unread: [], ...said });

export const evidenceOf = (host: HostEvidence): Evidence => ({
  host: { status: "read", evidence: host },
  cloud: noCloudEvidence,
  sources: [],
  probes: noProbes,
});

/** The same host with the growth of some conntrack counters over the window set. */
export function withGrowth(host: HostEvidence, growth: Record<string, number>): HostEvidence {
  const counters = { ...host.counters };
  for (const [name, delta] of Object.entries(growth)) {
    counters[`conntrack.${name}`] = [(counters[`conntrack.${name}`]?.[0] ?? 0) + delta, delta];
  }
  return { ...host, counters };
}

export const withTable = (host: HostEvidence, table: Partial<HostEvidence["conntrack"]>): HostEvidence => ({
  ...host,
  conntrack: { ...host.conntrack, ...table },
});

export const byHand: Trigger = {
  kind: "manual",
  at: "2026-11-20T03:12:44Z",
  complaint: false,
};
