import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  ProvisionedThroughputExceededException,
  PutItemCommand,
  ResourceNotFoundException,
  TransactWriteItemsCommand,
} from "@aws-sdk/client-dynamodb";
import { afterEach, expect, test } from "vitest";
import { AwsError } from "../../../local/endpoint/aws-error.ts";
import { type Dynamodb, startDynamodb } from "../../../local/endpoint/dynamodb.ts";
import { type CarriedOut, type Endpoint, type Fault, startEndpoint } from "../../../local/endpoint/wire.ts";
import { clientOptions } from "./clients.ts";

const TableName = "a-table";
let endpoint: Endpoint;
let dynamodb: Dynamodb;
afterEach(async () => {
  await endpoint.close();
  await dynamodb.close();
});

const start = async (fault?: Fault, onCarriedOut: (call: CarriedOut) => Promise<void> = async () => {}) => {
  dynamodb = await startDynamodb([TableName]);
  endpoint = await startEndpoint({ services: [dynamodb.service], onCarriedOut, ...(fault && { fault }) });
  return new DynamoDBClient(clientOptions(endpoint.url, 3));
};

const item = { pk: { S: "a" }, sk: { S: "b" }, text: { S: "ü\u0000☃" }, bytes: { B: Uint8Array.of(0, 255) } };
const put = (condition?: string) =>
  new PutItemCommand({ TableName, Item: item, ...(condition && { ConditionExpression: condition }) });
const get = new GetItemCommand({ TableName, Key: { pk: { S: "a" }, sk: { S: "b" } } });

test("what is put can be got, whatever is in it", async () => {
  const client = await start();
  await client.send(put());
  expect((await client.send(get)).Item).toEqual(item);
  expect(await dynamodb.scan(TableName)).toEqual([item]);
});

test("a condition that does not hold is the SDK's own exception, and is asked once", async () => {
  const client = await start();
  await client.send(put("attribute_not_exists(pk)"));
  await expect(client.send(put("attribute_not_exists(pk)"))).rejects.toBeInstanceOf(
    ConditionalCheckFailedException,
  );
  expect(endpoint.requests()).toHaveLength(2);
});

test("requests are in the log with their input, under the service's name", async () => {
  const client = await start();
  await client.send(put());
  expect(endpoint.requests()).toMatchObject([
    { service: "dynamodb", operation: "PutItem", input: { TableName, Item: item } },
  ]);
});

test("a fault is answered in the place of the operation", async () => {
  const client = await start((_service, operation, _input, n) =>
    operation === "PutItem" && n <= 4
      ? new AwsError("ProvisionedThroughputExceededException", "slow down")
      : undefined,
  );
  await expect(client.send(put())).rejects.toBeInstanceOf(ProvisionedThroughputExceededException);
  expect((await client.send(get)).Item).toBeUndefined();
  // One attempt is throttled, the next is not.
  await client.send(put());
  expect((await client.send(get)).Item).toEqual(item);
});

test("a table that is not there is not found, and a transaction is refused by name", async () => {
  const client = await start();
  await expect(
    client.send(new GetItemCommand({ TableName: "another", Key: { pk: { S: "a" }, sk: { S: "b" } } })),
  ).rejects.toBeInstanceOf(ResourceNotFoundException);
  await expect(client.send(new TransactWriteItemsCommand({ TransactItems: [] }))).rejects.toMatchObject({
    name: "NotImplementedLocally",
    message: "NotImplementedLocally: DynamoDB.TransactWriteItems",
  });
});

test("who asked is known when the effect is done and not answered yet", async () => {
  const seen: unknown[] = [];
  const client = await start(undefined, async (call) => {
    seen.push({ ...call, stored: (await dynamodb.scan(TableName)).length });
  });
  await client.send(put());
  expect(seen).toMatchObject([
    {
      service: "dynamodb",
      operation: "PutItem",
      input: { TableName },
      caller: { accessKeyId: "local" },
      stored: 1,
    },
  ]);
});

test("a fault is not an operation that was carried out; a refusal by the service is", async () => {
  const seen: string[] = [];
  const client = await start(
    (_service, operation) =>
      operation === "GetItem" ? new AwsError("AccessDeniedException", "no") : undefined,
    async ({ operation }) => void seen.push(operation),
  );
  await expect(client.send(get)).rejects.toMatchObject({ name: "AccessDeniedException" });
  await expect(client.send(put("attribute_exists(pk)"))).rejects.toThrow();
  expect(seen).toEqual(["PutItem"]);
});

test("every start has a store of its own", async () => {
  const client = await start();
  await client.send(put());
  const other = await startDynamodb([TableName]);
  expect(await other.scan(TableName)).toEqual([]);
  await other.close();
});
