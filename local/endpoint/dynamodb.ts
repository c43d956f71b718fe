import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import {
  type AttributeValue,
  BatchGetItem$,
  BatchWriteItem$,
  CreateTable$,
  CreateTableCommand,
  DeleteItem$,
  DeleteTable$,
  DescribeTable$,
  DynamoDBClient,
  GetItem$,
  ListTables$,
  PutItem$,
  paginateScan,
  Query$,
  Scan$,
  UpdateItem$,
} from "@aws-sdk/client-dynamodb";
import dynalite from "dynalite";
import type { HttpReply, HttpRequest } from "./protocol.ts";
import type { Service } from "./service.ts";

export type Dynamodb = {
  service: Service;
  /** All items of a table: a look from outside, which no log or fault sees. */
  scan(table: string): Promise<Record<string, AttributeValue>[]>;
  close(): Promise<void>;
};

/**
 * DynamoDB in memory, by dynalite in this process. It speaks for itself: requests are passed on and answered as they
 * are. It has neither transactions nor a time to live (items stay), and does not return items on a failed condition.
 *
 * @param tables names; each gets the keys `pk` and `sk`, both strings
 */
export const startDynamodb = async (tables: readonly string[]): Promise<Dynamodb> => {
  const server = dynalite({ createTableMs: 0 });
  // As in wire.ts: an idle connection that is closed just when it is used again would look like a failure of the table.
  server.keepAliveTimeout = 120_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("DynamoDB has no port.");
  const { port } = address;
  const agent = new Agent({ keepAlive: true });
  const client = new DynamoDBClient({
    endpoint: `http://127.0.0.1:${port}`,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
  });
  for (const table of tables) await createTable(client, table);

  // dynalite throws where nobody can catch it when its table is closed under a request.
  const underWay = new Set<Promise<HttpReply>>();
  const forward = (request: HttpRequest): Promise<HttpReply> => {
    const reply = passOn(request);
    underWay.add(reply);
    return reply.finally(() => underWay.delete(reply));
  };
  const passOn = ({ method, path, headers, body }: HttpRequest): Promise<HttpReply> =>
    new Promise((resolve, reject) => {
      const passed = httpRequest(
        { agent, host: "127.0.0.1", port, method, path, headers },
        async (answer) => {
          try {
            const chunks: Uint8Array[] = [];
            for await (const chunk of answer) chunks.push(chunk);
            const kept = Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name));
            resolve({
              status: answer.statusCode ?? 500,
              headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
              body: Buffer.concat(chunks),
            });
          } catch (error) {
            reject(error);
          }
        },
      );
      passed.on("error", reject).end(body);
    });

  return {
    service: {
      name: "dynamodb",
      title: "DynamoDB",
      target: "DynamoDB_20120810",
      version: "2012-08-10",
      xmlNamespace: "",
      operations: operations.map((schema) => ({ schema, forward })),
    },
    scan: async (TableName) => {
      const items: Record<string, AttributeValue>[] = [];
      for await (const { Items = [] } of paginateScan({ client }, { TableName })) items.push(...Items);
      return items;
    },
    close: async () => {
      await Promise.allSettled(underWay);
      client.destroy();
      agent.destroy();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
};

/** Those that dynalite has, and that make sense for a table of one's own. */
const operations = [
  BatchGetItem$,
  BatchWriteItem$,
  CreateTable$,
  DeleteItem$,
  DeleteTable$,
  DescribeTable$,
  GetItem$,
  ListTables$,
  PutItem$,
  Query$,
  Scan$,
  UpdateItem$,
];

/** About the connection between the endpoint and dynalite, not about the answer; and the date, as in wire.ts. */
const hopByHop: ReadonlySet<string> = new Set(["connection", "date", "keep-alive", "transfer-encoding"]);

const createTable = async (client: DynamoDBClient, TableName: string): Promise<void> => {
  const create = new CreateTableCommand({
    TableName,
    BillingMode: "PAY_PER_REQUEST",
    AttributeDefinitions: [
      { AttributeName: "pk", AttributeType: "S" },
      { AttributeName: "sk", AttributeType: "S" },
    ],
    KeySchema: [
      { AttributeName: "pk", KeyType: "HASH" },
      { AttributeName: "sk", KeyType: "RANGE" },
    ],
  });
  await client.send(create);
};
