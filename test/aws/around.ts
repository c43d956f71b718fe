/** The adapters of `aws/` against the embedded AWS, over a world that each test changes to its liking. */
import { afterAll, beforeAll, beforeEach } from "vitest";
import { cloudwatch } from "../../local/endpoint/cloudwatch.ts";
import { ec2 } from "../../local/endpoint/ec2.ts";
import type { MetricSeries } from "../../local/endpoint/metric-series.ts";
import { ssm } from "../../local/endpoint/ssm.ts";
import { type Endpoint, type Fault, type RequestLog, startEndpoint } from "../../local/endpoint/wire.ts";
import { unreachableHost } from "../../local/host.ts";
import { healthyWorld, natA, type World } from "../../local/world.ts";

export type Around = {
  world: World;
  series: MetricSeries[];
  /** Answered instead of the operation. */
  fault: Fault;
  requests(): RequestLog[];
};

/** Call it once, at the top of a test file: the SDK's clients learn the endpoint from the environment. */
export function aroundUs(): Around {
  const world = healthyWorld();
  const around: Around = { world, series: [], fault: () => undefined, requests: () => [] };
  let endpoint: Endpoint;
  let asked = 0;
  beforeAll(async () => {
    endpoint = await startEndpoint({
      services: [
        ec2(world),
        cloudwatch({ series: around.series, alarms: Object.values(world.alarms) }),
        ssm({
          documents: {},
          instances: { [natA]: { host: unreachableHost, pingStatus: "ConnectionLost" } },
        }),
      ],
      fault: (...call) => around.fault(...call),
    });
    around.requests = () => endpoint.requests().slice(asked);
    Object.assign(process.env, {
      AWS_ENDPOINT_URL: endpoint.url,
      AWS_REGION: "eu-central-1",
      AWS_ACCESS_KEY_ID: "local",
      AWS_SECRET_ACCESS_KEY: "local",
    });
  });
  beforeEach(() => {
    asked = endpoint.requests().length;
    Object.assign(world, healthyWorld());
    around.series.length = 0;
    around.fault = () => undefined;
  });
  afterAll(() => endpoint.close());
  return around;
}
