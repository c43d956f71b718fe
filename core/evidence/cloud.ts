/** What the AWS APIs say about the instance and the metric that raised the alarm. */
import * as z from "zod/mini";

export const MetricHistory = z.object({
  /** `Namespace/MetricName`. */
  name: z.string(),
  /** Oldest first; `at` in Unix seconds. */
  points: z.array(z.object({ at: z.int(), value: z.number() })),
});
export type MetricHistory = z.infer<typeof MetricHistory>;

export const CloudEvidence = z.object({
  instance: z.nullable(
    z.object({ type: z.string(), state: z.string(), sourceDestCheck: z.nullable(z.boolean()) }),
  ),
  /** `null`: not asked for or not readable; no points: CloudWatch has none. */
  metric: z.nullable(MetricHistory),
  unread: z.array(z.string()),
});
export type CloudEvidence = z.infer<typeof CloudEvidence>;

/** For a diagnosis that has no AWS to ask, such as `nat-medic doctor`. */
export const noCloudEvidence: CloudEvidence = { instance: null, metric: null, unread: [] };
