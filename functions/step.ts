/** The one handler wrapper: logs, metrics, and a schema at both doors. */
import { Logger } from "@aws-lambda-powertools/logger";
import { injectLambdaContext } from "@aws-lambda-powertools/logger/middleware";
import { parser } from "@aws-lambda-powertools/parser/middleware";
import type { InferOutput } from "@aws-lambda-powertools/parser/types";
import middy from "@middy/core";
import * as z from "zod/mini";
import { IncidentId } from "../core/incident.ts";
import { pipelineService } from "../core/pipeline-metrics.ts";
import { Place } from "../core/place.ts";
import { inPlace } from "./in-place.ts";
import { forgetMeasured, publishMeasured } from "./measure.ts";

export const logger = new Logger({ serviceName: pipelineService });

/** What the SDK has tried in vain. Every service has names of its own for it; the state machine tries again by this one. */
class AwsUnavailable extends Error {
  override readonly name = "AwsUnavailable";
}

const ServiceError = z.object({
  name: z.string(),
  message: z.string(),
  $metadata: z.object({ httpStatusCode: z.optional(z.number()) }),
});
const outOfOrder = [429, 500, 502, 503, 504];
/** Most services answer 400 to who asks too often. */
const tooOften = /Throttl|TooManyRequests|RequestLimitExceeded|ThroughputExceeded/;

/** @throws AwsUnavailable when an operation of AWS was throttled or broken, however often the SDK tried */
async function unlessUnavailable<Result>(run: () => Promise<Result> | Result): Promise<Result> {
  try {
    return await run();
  } catch (cause) {
    const error = z.safeParse(ServiceError, cause);
    if (!error.success) throw cause;
    const { name, message, $metadata } = error.data;
    if (!outOfOrder.includes($metadata.httpStatusCode ?? 0) && !tooOften.test(name)) throw cause;
    throw new AwsUnavailable(`${name}: ${message}`, { cause });
  }
}

/** ISO 8601: the clock that `core` and `aws` are given. */
export const now = () => new Date().toISOString();

const OfIncident = z.object({
  incident: z.object({ id: IncidentId, place: z._default(z.nullable(Place), null) }),
});

/**
 * A state of the machine as a Lambda handler. An input that does not fit is a `ParseError`, an output that does not
 * fit is a `$ZodError`: both end the incident with a notification that names the state.
 */
export function step<Input extends z.ZodMiniType, Output extends z.ZodMiniType>({
  input,
  output,
  run,
}: {
  input: Input;
  output: Output;
  run: (input: InferOutput<Input>) => Promise<z.infer<Output>> | z.infer<Output>;
}) {
  return middy()
    .use(injectLambdaContext(logger, { resetKeys: true }))
    .use({ after: publishMeasured, onError: forgetMeasured })
    .use(parser({ schema: input }))
    .handler(async (event: InferOutput<Input>): Promise<z.infer<Output>> => {
      const { incident } = z.safeParse(OfIncident, event).data ?? {};
      if (incident !== undefined) logger.appendKeys({ incident: incident.id });
      // What is asked about the incident's instance is asked where the instance is.
      const there = () => inPlace(incident?.place ?? null, () => run(event), incident?.id);
      const result = z.parse(output, await unlessUnavailable(there));
      logger.info("done");
      return result;
    });
}
