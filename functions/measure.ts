/** The one way to measure our own work: kept until the function has succeeded, then printed for CloudWatch (EMF). */
import { Metrics } from "@aws-lambda-powertools/metrics";
import {
  type PipelineMetric,
  pipelineMetrics,
  pipelineNamespace,
  pipelineService,
} from "../core/pipeline-metrics.ts";

type Second<Name extends PipelineMetric> = (typeof pipelineMetrics)[Name] extends { dimension: string }
  ? [of: string]
  : [];
type Measured = { name: PipelineMetric; value: number; of: string | undefined };

const metrics = new Metrics({ namespace: pipelineNamespace, serviceName: pipelineService });
let measured: Measured[] = [];

/** `of`: the value of the metric's second dimension, where it has one. */
export function measure<Name extends PipelineMetric>(name: Name, value: number, ...[of]: Second<Name>): void {
  measured.push({ name, value, of });
}

/** Times are ISO 8601; never below 0, although clocks differ. */
export function measureTime(name: "TimeToDiagnose" | "TimeToMitigate", since: string, until: string): void {
  measure(name, Math.max(0, Date.parse(until) - Date.parse(since)) / 1000);
}

/** Each by itself: one document has one set of dimensions. */
export function publishMeasured(): void {
  for (const { name, value, of } of takeMeasured()) {
    const metric = pipelineMetrics[name];
    const single = metrics.singleMetric();
    if ("dimension" in metric && of !== undefined) single.addDimension(metric.dimension, of);
    single.addMetric(name, metric.unit, value);
  }
}

/** What a failed function measured is forgotten: it is tried again. */
export function forgetMeasured(): void {
  takeMeasured();
}

function takeMeasured(): Measured[] {
  const taken = measured;
  measured = [];
  return taken;
}
