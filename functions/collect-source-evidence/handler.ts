/** Asks the heaviest private hosts how near their own ports are to their end. Who cannot answer is evidence too. */
import * as z from "zod/mini";
import { instancesWithAddresses } from "../../aws/ec2.ts";
import { SourceReading } from "../../core/evidence/source.ts";
import { Evidence } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { sourcesWorthAsking } from "../../core/sources.ts";
import { logger, step } from "../step.ts";
import { askSource } from "./ask-source.ts";

export const handler = step({
  input: z.object({ incident: Incident, evidence: Evidence }),
  output: z.array(SourceReading),
  run: async ({ incident, evidence: { host, cloud } }) => {
    const sources = sourcesWorthAsking(host);
    if (sources.length === 0) return [];
    const addresses = sources.map(({ address }) => address);
    const instances = await found(instancesWithAddresses(addresses, cloud.instance?.vpcId ?? null));
    return Promise.all(sources.map((source) => askSource(source, instances, incident)));
  },
});

/** What EC2 does not answer leaves the sources unread, not the diagnosis undone. */
async function found(instances: ReturnType<typeof instancesWithAddresses>) {
  try {
    return await instances;
  } catch (error) {
    const name = error instanceof Error ? error.name : "unknown error";
    logger.warn("DescribeInstances failed", { error: name });
    return { failed: `DescribeInstances: ${name}` };
  }
}
