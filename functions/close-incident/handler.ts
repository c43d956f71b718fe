/** Ends an incident: one message to people, one set of metrics. */
import { MetricUnit } from "@aws-lambda-powertools/metrics";
import * as z from "zod/mini";
import { publish } from "../../aws/sns.ts";
import { Closing, Outcome } from "../../core/closing.ts";
import { report } from "../../core/report.ts";
import { environment } from "../environment.ts";
import { metrics, step } from "../step.ts";

export const handler = step({
  input: Closing,
  output: z.object({ outcome: Outcome, subject: z.string(), body: z.string() }),
  run: async (closing) => {
    const message = report(closing);
    await publish(environment.topicArn(), message);
    metrics.addMetric("IncidentClosed", MetricUnit.Count, 1);
    metrics.addDimension("Outcome", message.outcome);
    return message;
  },
});
