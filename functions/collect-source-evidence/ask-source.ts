/** One private host: which instance it is, and what its own collector says. */
import type { instancesWithAddresses } from "../../aws/ec2.ts";
import { runDocument } from "../../aws/ssm.ts";
import { printedBy } from "../../core/evidence/document-output.ts";
import { SourceEvidence, type SourceReading } from "../../core/evidence/source.ts";
import type { Incident } from "../../core/incident.ts";
import type { HeavySource } from "../../core/sources.ts";
import { logger } from "../step.ts";

type Instances = Awaited<ReturnType<typeof instancesWithAddresses>> | { failed: string };

const documents = { linux: "CollectSourceEvidence", windows: "CollectWindowsSourceEvidence" } as const;

export async function askSource(
  source: HeavySource,
  instances: Instances,
  { id }: Incident,
): Promise<SourceReading> {
  if ("failed" in instances) return unread(source, null, instances.failed);
  const instance = instances.find(({ address }) => address === source.address);
  if (instance === undefined)
    return unread(source, null, "no instance of this account and Region has the address");
  const { instanceId, platform } = instance;
  try {
    const comment = `NAT Medic asks a client for ${id}`;
    const document = documents[platform];
    const printed = printedBy(
      SourceEvidence,
      await runDocument({ instanceId, document, parameters: {}, comment }),
    );
    return printed.status === "read"
      ? { ...source, instanceId, reading: { status: "read", evidence: printed.value } }
      : unread(source, instanceId, printed.detail);
  } catch (error) {
    // Not ours to ask, or SSM asked too often: what is optional ends no incident.
    const name = error instanceof Error ? error.name : "unknown error";
    logger.warn("SendCommand failed", { instanceId, error: name });
    return unread(source, instanceId, `Run Command: ${name}`);
  }
}

function unread(source: HeavySource, instanceId: string | null, detail: string): SourceReading {
  return { ...source, instanceId, reading: { status: "unread", detail } };
}
