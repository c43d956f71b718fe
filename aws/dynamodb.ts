/** Items of a DynamoDB table with the keys `pk` and `sk`, read and written one at a time as plain objects. */
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  paginateQuery,
  UpdateItemCommand,
} from "@aws-sdk/client-dynamodb";
import { marshall, unmarshall } from "@aws-sdk/util-dynamodb";

const client = new DynamoDBClient({ maxAttempts: 5 });

export type Key = { pk: string; sk: string };
export type Item = Record<string, unknown>;
type Fields = Readonly<Record<string, unknown>>;

/** Consistent. */
export async function getItem(table: string, key: Key): Promise<Item | undefined> {
  const { Item } = await client.send(
    new GetItemCommand({ TableName: table, Key: marshall(key), ConsistentRead: true }),
  );
  return Item && unmarshall(Item);
}

/** All items under one `pk` whose `sk` begins with `prefix`, in the order of `sk`; consistent, however many pages. */
export async function queryItems(table: string, pk: string, prefix = ""): Promise<Item[]> {
  const pages = paginateQuery(
    { client },
    {
      TableName: table,
      ConsistentRead: true,
      KeyConditionExpression: prefix === "" ? "pk = :pk" : "pk = :pk AND begins_with(sk, :prefix)",
      ExpressionAttributeValues: marshall({ ":pk": pk, ...(prefix !== "" && { ":prefix": prefix }) }),
    },
  );
  const items: Item[] = [];
  for await (const { Items = [] } of pages) items.push(...Items.map((item) => unmarshall(item)));
  return items;
}

/** Replaces what is there. */
export async function putItem(table: string, key: Key, fields: Fields, keepDays: number): Promise<void> {
  await client.send(new PutItemCommand({ TableName: table, Item: item(key, fields, keepDays) }));
}

/** False when there is one already: the SDK's own retry of a write whose answer was lost finds its own, too. */
export async function putNewItem(
  table: string,
  key: Key,
  fields: Fields,
  keepDays: number,
): Promise<boolean> {
  const put = new PutItemCommand({
    TableName: table,
    Item: item(key, fields, keepDays),
    ConditionExpression: "attribute_not_exists(pk)",
  });
  return await unlessRefused(() => client.send(put));
}

/**
 * Changes some attributes. Expressions are DynamoDB's; every `#name` in them stands for the attribute called `name`.
 * False when `onlyIf` does not hold: then nothing was changed by this attempt, though it may have been by the one
 * before, whose answer was lost.
 */
export async function updateItem(
  table: string,
  key: Key,
  {
    set,
    remove,
    onlyIf,
    values,
    keepDays,
  }: { set: string; remove?: string; onlyIf: string; values: Fields; keepDays: number },
): Promise<boolean> {
  const changes = `SET ${set}, #ttl = :ttl${remove === undefined ? "" : ` REMOVE ${remove}`}`;
  const names = [...`${changes} ${onlyIf}`.matchAll(/#(\w+)/g)].map(([whole, name = ""]) => [whole, name]);
  const update = new UpdateItemCommand({
    TableName: table,
    Key: marshall(key),
    UpdateExpression: changes,
    ConditionExpression: onlyIf,
    ExpressionAttributeNames: Object.fromEntries(names),
    ExpressionAttributeValues: marshalled({ ...values, ":ttl": expiry(keepDays) }),
  });
  return await unlessRefused(() => client.send(update));
}

async function unlessRefused(write: () => Promise<unknown>): Promise<boolean> {
  try {
    await write();
    return true;
  } catch (error) {
    if (error instanceof ConditionalCheckFailedException) return false;
    throw error;
  }
}

const item = (key: Key, fields: Fields, keepDays: number) =>
  marshalled({ ...fields, ...key, ttl: expiry(keepDays) });

/** Unix seconds, as DynamoDB's time to live wants them: housekeeping, so the clock is this machine's. */
const expiry = (keepDays: number) => Math.round(Date.now() / 1000) + keepDays * 86_400;

const marshalled = (fields: Fields) => marshall(wellFormed(fields), { removeUndefinedValues: true });

/** Half a surrogate pair, which cutting a text at a length leaves behind, is no UTF-8 and would be refused. */
function wellFormed(value: unknown): unknown {
  if (typeof value === "string") return value.toWellFormed();
  if (Array.isArray(value)) return value.map(wellFormed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, wellFormed(field)]));
}
