/** All the evidence of a stage, read by the deployed functions in the order of the state machine; nothing is changed. */
import * as z from "zod/mini";
import { CloudEvidence } from "../core/evidence/cloud.ts";
import { noProbes, ProbeResults } from "../core/evidence/probe.ts";
import { SourceReading } from "../core/evidence/source.ts";
import { type Evidence, HostReading } from "../core/evidence.ts";
import type { Incident } from "../core/incident.ts";
import { startLocalStack } from "./stack.ts";
import { type Stage, stackOn } from "./stage.ts";
import { natA } from "./world.ts";

/** `probe`: also the tests that send traffic or capture packets. */
export async function readStage(stage: Stage, { probe }: { probe: boolean }): Promise<Evidence> {
  const at = new Date().toISOString();
  const incident: Incident = {
    id: "inc-20261121t000000z-e5f67890-lab",
    instanceId: natA,
    mode: "propose",
    modeReason: "a reading",
    trigger: { kind: "manual", at, complaint: false },
    openedAt: at,
    automaticChangesLeft: 0,
    probe,
    place: null,
  };
  const stack = await startLocalStack({ ...stackOn(stage, [natA]), mode: "propose", approvalSeconds: 60 });
  try {
    const [host, cloud] = await Promise.all([
      stack.invoke("collect-host-evidence", { incident, sampleSeconds: 5 }),
      stack.invoke("collect-cloud-evidence", { incident }),
    ]);
    const read = {
      host: HostReading.parse(host),
      cloud: CloudEvidence.parse(cloud),
      sources: [],
      probes: noProbes,
    };
    const sources = z.parse(
      z.array(SourceReading),
      await stack.invoke("collect-source-evidence", { incident, evidence: read }),
    );
    const evidence = { ...read, sources };
    if (!probe) return evidence;
    return {
      ...evidence,
      probes: ProbeResults.parse(await stack.invoke("run-probes", { incident, evidence })),
    };
  } finally {
    await stack.stop();
  }
}
