import { InvalidParameterException, NotFoundException, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Publication, sns } from "../../../local/endpoint/sns.ts";
import { type Endpoint, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";

const topic = "arn:aws:sns:us-east-1:123456789012:nat-medic";
const published: Publication[] = [];
let endpoint: Endpoint;
let client: SNSClient;
beforeAll(async () => {
  endpoint = await startEndpoint({
    services: [sns({ topics: [topic], onPublish: (publication) => published.push(publication) })],
  });
  client = new SNSClient(clientOptions(endpoint.url));
});
beforeEach(() => {
  published.length = 0;
});
afterAll(() => endpoint.close());

const publish = (Message: string, Subject?: string, TopicArn = topic) =>
  client.send(new PublishCommand({ TopicArn, Message, Subject }));

test("a publication is handed over as it was sent, markup and line breaks included", async () => {
  const message = 'A table is full.\n<b>&amp; "quotes"</b> ✓\r\n';
  const { MessageId } = await publish(message, "[fixed] i-0123456789abcdef0: conntrack table full");
  expect(MessageId).toMatch(/^[0-9a-f-]{36}$/);
  expect(published).toMatchObject([
    { topicArn: topic, subject: "[fixed] i-0123456789abcdef0: conntrack table full", message },
  ]);
});

test("a message without a subject has none", async () => {
  await publish("m");
  expect(published[0]?.subject).toBeUndefined();
});

test("a subject may have 100 characters", async () => {
  await publish("m", "s".repeat(100));
  expect(published).toHaveLength(1);
});

test.each([
  ["has 101 characters", "s".repeat(101)],
  ["has a line break", "one\ntwo"],
  ["has a control character", "bell\u0007"],
  ["is not ASCII", "voilà"],
  ["begins with a blank", " s"],
])("a subject that %s is refused", async (_why, subject) => {
  await expect(publish("m", subject)).rejects.toBeInstanceOf(InvalidParameterException);
  await expect(publish("m", subject)).rejects.toThrow("Invalid parameter: Subject");
  expect(published).toEqual([]);
});

test("a message may have 256 KiB, in bytes", async () => {
  await publish("é".repeat(131_072));
  await expect(publish(`${"é".repeat(131_072)}.`)).rejects.toBeInstanceOf(InvalidParameterException);
  expect(published).toHaveLength(1);
});

test("an empty message is refused", async () => {
  await expect(publish("")).rejects.toThrow("Empty message");
});

test("a topic that does not exist is not found", async () => {
  await expect(publish("m", "s", `${topic}-2`)).rejects.toBeInstanceOf(NotFoundException);
});
