import { connect } from "node:net";
import { CloudWatchClient, GetMetricDataCommand, PutMetricDataCommand } from "@aws-sdk/client-cloudwatch";
import { DescribeInstancesCommand, DescribeKeyPairsCommand, EC2Client } from "@aws-sdk/client-ec2";
import { LambdaClient, ListFunctionsCommand } from "@aws-sdk/client-lambda";
import { ListExecutionsCommand, SFNClient } from "@aws-sdk/client-sfn";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import {
  DescribeInstanceInformationCommand,
  ListDocumentsCommand,
  SSMClient,
  ThrottlingException,
} from "@aws-sdk/client-ssm";
import { afterEach, expect, test } from "vitest";
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import { cloudwatch } from "../../../local/endpoint/cloudwatch.ts";
import { ec2 } from "../../../local/endpoint/ec2.ts";
import { lambda } from "../../../local/endpoint/lambda.ts";
import type { MetricSeries } from "../../../local/endpoint/metric-series.ts";
import { sns } from "../../../local/endpoint/sns.ts";
import { ssm } from "../../../local/endpoint/ssm.ts";
import { stepfunctions } from "../../../local/endpoint/stepfunctions.ts";
import { type Endpoint, type Fault, startEndpoint } from "../../../local/endpoint/wire.ts";
import { healthyWorld } from "../../../local/world.ts";
import { clientOptions } from "./clients.ts";

let endpoint: Endpoint | undefined;
afterEach(async () => {
  await endpoint?.close();
  endpoint = undefined;
});

const start = async (fault?: Fault, series: MetricSeries[] = []) => {
  endpoint = await startEndpoint({
    services: [
      cloudwatch({ series }),
      ec2(healthyWorld()),
      lambda({ invoke: async () => null }),
      sns({ topics: [], onPublish: () => {} }),
      ssm({ documents: {}, instances: {} }),
      stepfunctions({ machines: [] }),
    ],
    ...(fault && { fault }),
  });
  return endpoint;
};

test("an operation that nobody wrote is refused by name in every protocol", async () => {
  const { url } = await start();
  const options = clientOptions(url, 3);
  const asked = [
    ["SSM.ListDocuments", () => new SSMClient(options).send(new ListDocumentsCommand())],
    ["EC2.DescribeKeyPairs", () => new EC2Client(options).send(new DescribeKeyPairsCommand())],
    ["SNS.CreateTopic", () => new SNSClient(options).send(new CreateTopicCommand({ Name: "t" }))],
    ["Lambda.GET /2015-03-31/functions", () => new LambdaClient(options).send(new ListFunctionsCommand())],
  ] as const;
  for (const [operation, ask] of asked) {
    await expect(ask()).rejects.toMatchObject({
      name: "NotImplementedLocally",
      message: `NotImplementedLocally: ${operation}`,
      $metadata: { httpStatusCode: 501, attempts: 1 },
    });
  }
});

test("a service that nobody wrote is named after the request's signature", async () => {
  const { url } = await start();
  const response = await fetch(url, {
    method: "POST",
    headers: {
      "content-type": "application/x-www-form-urlencoded",
      authorization:
        "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/sts/aws4_request, SignedHeaders=host",
    },
    body: "Action=GetCallerIdentity&Version=2011-06-15",
  });
  expect(response.status).toBe(501);
  expect(await response.text()).toContain("NotImplementedLocally: sts.GetCallerIdentity");
});

test("throttling that ends before the client's patience does is not seen by the caller", async () => {
  const { url, requests } = await start((service, operation, _input, n) =>
    service === "ssm" && operation === "DescribeInstanceInformation" && n <= 2
      ? new AwsError("ThrottlingException", "Rate exceeded")
      : undefined,
  );
  const answer = await new SSMClient(clientOptions(url, 3)).send(new DescribeInstanceInformationCommand());
  expect(answer.$metadata.attempts).toBe(3);
  expect(requests().map(({ operation }) => operation)).toEqual(Array(3).fill("DescribeInstanceInformation"));
});

test("throttling that lasts reaches the caller as the SDK's own exception", async () => {
  const { url } = await start(() => new AwsError("ThrottlingException", "Rate exceeded"));
  const error = await new SSMClient(clientOptions(url, 2))
    .send(new DescribeInstanceInformationCommand())
    .catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(ThrottlingException);
  expect(error).toMatchObject({ message: "Rate exceeded", $metadata: { attempts: 2, httpStatusCode: 400 } });
});

test.each([500, 503])("an answer of %i is retried in every protocol", async (status) => {
  const { url } = await start((_service, _operation, _input, n) =>
    n === 1 ? new AwsError("InternalServerError", "try again", { status }) : undefined,
  );
  const options = clientOptions(url, 2);
  const window = { StartTime: new Date(0), EndTime: new Date(60_000) };
  const metric = { Namespace: "N", MetricName: "M" };
  const query = { Id: "a", MetricStat: { Metric: metric, Period: 60, Stat: "Sum" } };
  const answers = await Promise.all([
    new EC2Client(options).send(new DescribeInstancesCommand()),
    new CloudWatchClient(options).send(new GetMetricDataCommand({ ...window, MetricDataQueries: [query] })),
    new SSMClient(options).send(new DescribeInstanceInformationCommand()),
  ]);
  expect(answers.map(({ $metadata }) => $metadata.attempts)).toEqual([2, 2, 2]);
});

test("a defect in an operation is reported once, with its stack, and not retried", async () => {
  endpoint = await startEndpoint({
    services: [
      lambda({
        invoke: async () => {
          throw new TypeError("a defect");
        },
      }),
    ],
  });
  const { InvokeCommand } = await import("@aws-sdk/client-lambda");
  const error = await new LambdaClient(clientOptions(endpoint.url, 3))
    .send(new InvokeCommand({ FunctionName: "f" }))
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ name: "DefectInLocalEndpoint", $metadata: { attempts: 1 } });
  expect(String(error)).toContain("TypeError: a defect\n    at");
});

test("the log tells what was asked, of whom and with which input", async () => {
  const { url, requests } = await start();
  const before = Date.now();
  await new SNSClient(clientOptions(url))
    .send(new PublishCommand({ TopicArn: "arn:aws:sns:us-east-1:123456789012:none", Message: "m" }))
    .catch(() => {});
  const [request, ...more] = requests();
  expect(more).toEqual([]);
  expect(request).toMatchObject({
    service: "sns",
    operation: "Publish",
    input: { TopicArn: "arn:aws:sns:us-east-1:123456789012:none", Message: "m" },
  });
  expect(request?.at.getTime()).toBeGreaterThanOrEqual(before);
});

test.each([
  ["JSON", { "x-amz-target": "AmazonSSM.SendCommand" }, "{nonsense", 400, "SerializationException"],
  [
    "JSON that is no object",
    { "x-amz-target": "AmazonSSM.SendCommand" },
    "null",
    400,
    "SerializationException",
  ],
  [
    "a form with a number that is none",
    { "content-type": "application/x-www-form-urlencoded" },
    "Action=DescribeInstances&Version=2016-11-15&MaxResults=many",
    400,
    "MalformedInput",
  ],
  ["nothing that is known", {}, "hello", 501, "NotImplementedLocally"],
])(
  "a body that is %s is answered by an error, not by silence",
  async (_what, headers, body, status, name) => {
    const { url } = await start();
    const response = await fetch(url, { method: "POST", headers, body });
    expect(response.status).toBe(status);
    expect(`${response.headers.get("x-amzn-errortype")} ${await response.text()}`).toContain(name);
  },
);

test("a body above Lambda's limit is refused before it is read whole", async () => {
  const { url, requests } = await start();
  const response = await fetch(`${url}/2015-03-31/functions/f/invocations`, {
    method: "POST",
    body: new Uint8Array(6 * 1024 * 1024 + 1),
  });
  expect(response.status).toBe(413);
  expect(requests()).toEqual([]);
});

test("metrics that the client compressed arrive whole", async () => {
  const series: MetricSeries[] = [];
  const { url } = await start(undefined, series);
  const MetricData = Array.from({ length: 500 }, (_, n) => ({
    MetricName: "ConntrackUtilization",
    Timestamp: new Date(n * 60_000),
    Value: n,
  }));
  await new CloudWatchClient(clientOptions(url)).send(
    new PutMetricDataCommand({ Namespace: "NatMedic", MetricData }),
  );
  expect(series.map(({ points }) => points.length)).toEqual([500]);
});

test("ListExecutions of no machine is the SDK's StateMachineDoesNotExist", async () => {
  const { url } = await start();
  const { StateMachineDoesNotExist } = await import("@aws-sdk/client-sfn");
  await expect(
    new SFNClient(clientOptions(url)).send(new ListExecutionsCommand({ stateMachineArn: "arn:none" })),
  ).rejects.toBeInstanceOf(StateMachineDoesNotExist);
});

test("closing ends connections that clients keep alive", async () => {
  const running = await start();
  const socket = connect(Number(new URL(running.url).port), "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await running.close();
  await closed;
  endpoint = undefined;
  await expect(fetch(running.url)).rejects.toThrow();
});

test("only loopback is served", async () => {
  const { url } = await start();
  expect(new URL(url).hostname).toBe("127.0.0.1");
});
