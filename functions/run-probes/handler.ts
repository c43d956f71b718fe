/** Runs the active tests that a person has asked for, one after the other. What fails to run is unread, not an error. */
import * as z from "zod/mini";
import { runDocument } from "../../aws/ssm.ts";
import type { CommandOutcome } from "../../core/command.ts";
import { noProbes, ProbeResults } from "../../core/evidence/probe.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { type ProbeRequest, probesWorthRunning, withResult } from "../../core/probes.ts";
import { logger, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence }),
  output: ProbeResults,
  run: async ({ incident, evidence }) => {
    let results = noProbes;
    // Nobody asked: nothing is sent, whatever called this.
    if (!incident.probe) return results;
    for (const request of probesWorthRunning(evidence)) {
      results = withResult(results, request, await outcomeOf(request, incident));
    }
    for (const detail of results.unread) logger.warn("probe unread", { detail });
    return results;
  },
});

async function outcomeOf(request: ProbeRequest, { id, instanceId }: Incident): Promise<CommandOutcome> {
  try {
    return await runDocument({ instanceId, ...request, comment: `NAT Medic tests for ${id}` });
  } catch (error) {
    const name = error instanceof Error ? error.name : "unknown error";
    return { status: "refused", detail: `Run Command: ${name}` };
  }
}
