/** Asks EC2 and CloudWatch. What one of them does not answer is unread; the other still counts. */
import * as z from "zod/mini";
import { historyOf } from "../../aws/cloudwatch.ts";
import { describeInstance } from "../../aws/ec2.ts";
import { CloudEvidence } from "../../core/evidence/cloud.ts";
import { Incident, metricNamespace } from "../../core/incident.ts";
import { logger, step } from "../step.ts";

export const handler = step({
  input: z.object({ incident: Incident }),
  output: CloudEvidence,
  run: async ({ incident: { instanceId, trigger } }) => {
    const metric = (trigger.kind === "alarm" ? trigger.metric : null) ?? {
      namespace: metricNamespace,
      name: "ConntrackUtilization",
      dimensions: { InstanceId: instanceId },
    };
    const [instance, history] = await Promise.allSettled([
      describeInstance(instanceId),
      historyOf(metric, new Date()),
    ]);
    return {
      instance: instance.status === "fulfilled" ? instance.value : null,
      metric: history.status === "fulfilled" ? history.value : null,
      unread: [...unread("DescribeInstances", instance), ...unread("GetMetricData", history)],
    };
  },
});

function unread(what: string, result: PromiseSettledResult<unknown>): string[] {
  if (result.status === "fulfilled") return [];
  const name = result.reason instanceof Error ? result.reason.name : "unknown error";
  logger.warn(`${what} failed`, { error: name });
  return [`${what}: ${name}`];
}
