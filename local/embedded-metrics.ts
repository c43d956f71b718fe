/** What CloudWatch makes of a document in the embedded metric format: the same as of PutMetricData. */
import type { MetricDatum, PutMetricDataInput, StandardUnit } from "@aws-sdk/client-cloudwatch";
import * as z from "zod/mini";
import { publishedMetrics } from "../core/metrics.ts";

/** Those of `core/metrics.ts`: a local CloudWatch that took others would hide a mistake. */
const Unit = z.enum([...new Set(Object.values(publishedMetrics).map(({ unit }) => unit))]);

const Definition = z.strictObject({
  Name: z.string(),
  Unit,
  StorageResolution: z.union([z.literal(1), z.literal(60)]),
});

/** The specification's schema, as strict as the service, with what the agent adds to it: where the log goes. */
const Document = z.looseObject({
  _aws: z.strictObject({
    /** Unix milliseconds. */
    Timestamp: z.int(),
    LogGroupName: z.string(),
    LogStreamName: z.string(),
    CloudWatchMetrics: z.array(
      z.strictObject({
        Namespace: z.string(),
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(Definition),
      }),
    ),
  }),
});
type Document = z.infer<typeof Document>;

/** @throws Error for a text that CloudWatch Logs would keep as a line and make no metric of. */
export function readEmbeddedMetrics(text: string): PutMetricDataInput[] {
  const document = Document.parse(JSON.parse(text));
  return document._aws.CloudWatchMetrics.map(({ Namespace, Dimensions, Metrics }) => ({
    Namespace,
    MetricData: Dimensions.flatMap((names) => Metrics.map((metric) => datum(document, names, metric))),
  }));
}

function datum(document: Document, names: string[], metric: z.infer<typeof Definition>): MetricDatum {
  const unit: StandardUnit = metric.Unit;
  return {
    MetricName: metric.Name,
    Dimensions: names.map((Name) => ({ Name, Value: z.parse(z.string(), document[Name]) })),
    Timestamp: new Date(document._aws.Timestamp),
    Value: z.parse(z.number(), document[metric.Name]),
    Unit: unit,
    StorageResolution: metric.StorageResolution,
  };
}
