/** Reads the NAT host through Run Command. An unreadable host is evidence too, not an error. */
import * as z from "zod/mini";
import { runDocument } from "../../aws/ssm.ts";
import { hostReading } from "../../core/command.ts";
import { HostReading } from "../../core/evidence.ts";
import { Incident } from "../../core/incident.ts";
import { measure } from "../measure.ts";
import { logger, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident, sampleSeconds: z.int().check(z.gte(1), z.lte(20)) }),
  output: HostReading,
  run: async ({ incident: { id, instanceId }, sampleSeconds }) => {
    const reading = hostReading(
      await runDocument({
        instanceId,
        document: "CollectHostEvidence",
        parameters: { SampleSeconds: String(sampleSeconds) },
        comment: `NAT Medic collects evidence for ${id}`,
      }),
    );
    if (reading.status === "unread") {
      const { reason, detail } = reading;
      logger.warn("host unread", { reason, detail });
      if (reason === "unreachable" || reason === "refused") measure("HostUnreachable", 1);
    }
    return reading;
  },
});
