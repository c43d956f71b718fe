/** What one AWS service asks of another, as the state machine asks SNS. */
import { afterEach, expect, test } from "vitest";
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import { type Publication, sns } from "../../../local/endpoint/sns.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { integrations } from "../../../local/integrations.ts";

let endpoint: Endpoint;
afterEach(() => endpoint.close());

const topic = "arn:aws:sns:us-east-1:123456789012:nat-medic";
const start = async (fault?: Parameters<typeof startEndpoint>[0]["fault"]) => {
  const published: Publication[] = [];
  endpoint = await startEndpoint({
    services: [sns({ topics: [topic], onPublish: (publication) => published.push(publication) })],
    ...(fault && { fault }),
  });
  const run = integrations({ functions: { invoke: async () => null }, ask: endpoint.ask });
  const publish = (TopicArn: string) =>
    run({
      resource: "arn:aws:states:::sns:publish",
      arguments: { TopicArn, Subject: "subject", Message: "message" },
      signal: new AbortController().signal,
      state: "Tell",
      begins: () => {},
    });
  return { publish, published };
};

test("a publication of the state machine is in the log as any other", async () => {
  const { publish, published } = await start();
  expect(await publish(topic)).toMatchObject({ MessageId: expect.any(String) });
  expect(endpoint.requests()).toMatchObject([
    { service: "sns", operation: "Publish", input: { TopicArn: topic, Subject: "subject" } },
  ]);
  expect(published).toHaveLength(1);
});

test("a fault of SNS reaches the state machine under SNS's name, and nothing is published", async () => {
  const { publish, published } = await start((service, _operation, _input, n) =>
    service === "sns" && n === 1
      ? new AwsError("InternalErrorException", "down", { status: 500 })
      : undefined,
  );
  await expect(publish(topic)).rejects.toMatchObject({ error: "SNS.InternalErrorException" });
  expect(published).toEqual([]);
  await publish(topic);
  expect(published).toHaveLength(1);
});

test("a topic that is not there is SNS's error", async () => {
  const { publish } = await start();
  await expect(publish(`${topic}-other`)).rejects.toMatchObject({ error: "SNS.NotFoundException" });
});

test("an operation that nobody wrote is refused by name", async () => {
  await start();
  await expect(endpoint.ask("sns", "CreateTopic", {})).rejects.toThrow(
    "NotImplementedLocally: sns.CreateTopic",
  );
});
