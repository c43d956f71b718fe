/** The active tests without AWS: they send traffic and capture packets, so only a person's word starts them. */
import { noProbes, type ProbeResults } from "../core/evidence/probe.ts";
import type { Evidence } from "../core/evidence.ts";
import { type ProbeRequest, probesWorthRunning, withResult } from "../core/probes.ts";
import { type Place, runScript } from "./run-script.ts";

const scripts = { ProbeTimestamps: "probe-timestamps.sh", CaptureFragments: "capture-fragments.sh" } as const;

export async function runProbes(place: Place, evidence: Evidence): Promise<ProbeResults> {
  let results = noProbes;
  for (const request of probesWorthRunning(evidence)) {
    results = withResult(results, request, await outcomeOf(place, request));
  }
  return results;
}

async function outcomeOf(place: Place, { document, parameters }: ProbeRequest) {
  const ended = await runScript(place, { script: scripts[document], parameters, patienceSeconds: 90 });
  return ended.status === "printed"
    ? ({ status: "finished", exitCode: 0, stdout: ended.stdout } as const)
    : ({ status: "refused", detail: ended.detail } as const);
}
