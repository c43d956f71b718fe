/** An alarm of CloudWatch as we make it, and what CloudWatch says of one that is there. */
import type { Metric } from "../incident.ts";

export type MetricAlarm = {
  kind: "metric";
  name: string;
  /** Read by whoever looks into CloudWatch. */
  description: string;
  /** One metric, or with `expression` (metric math) up to ten. */
  metrics: readonly { id: string; metric: Metric; statistic: string }[];
  expression: string | null;
  /** 10 seconds is a high-resolution alarm. */
  periodSeconds: number;
  comparison: "GreaterThanOrEqualToThreshold" | "LessThanThreshold";
  threshold: number;
  /** Of the last `of` periods so many have to breach. */
  breaching: number;
  of: number;
  /** What a period without data counts as. */
  missing: "breaching" | "notBreaching" | "missing";
};

export type CompositeAlarm = {
  kind: "composite";
  name: string;
  description: string;
  rule: string;
  /** ARNs of topics that it notifies, in alarm and when it ends. */
  actions: readonly string[];
};

export type Alarm = MetricAlarm | CompositeAlarm;

export type KnownAlarm = {
  name: string;
  arn: string;
  composite: boolean;
  /** `null`: it is of a shape that we do not make, so somebody has changed it. */
  alarm: Alarm | null;
  /** `OK`, `ALARM` or `INSUFFICIENT_DATA`. */
  state: string;
  /** When its configuration was last written; ISO 8601. */
  writtenAt: string;
};

/** Carried by every alarm that we make, with the stack's name as its value. What has our name without it is not ours. */
export const stackTag = "nat-medic:stack";
