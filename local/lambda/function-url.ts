import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, validateHeaderName, validateHeaderValue } from "node:http";
import * as z from "zod/mini";

export type FunctionUrl = {
  /** Without a slash at the end, unlike Lambda's. */
  url: string;
  close(): Promise<void>;
};

/**
 * A function URL without authentication, on loopback: HTTP requests become events of payload format 2.0, and what the
 * function returns becomes the answer. A function that fails, or returns what is no answer, is a 502 without details.
 * https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
 *
 * @param port 0, the default, takes a free one
 */
export const startFunctionUrl = async ({
  invoke,
  port = 0,
}: {
  invoke(event: unknown): Promise<unknown>;
  port?: number;
}): Promise<FunctionUrl> => {
  const server = createServer(async (incoming, response) => {
    const answer = await answerTo(incoming, invoke);
    response
      .writeHead(answer.status, answer.headers)
      .end(incoming.method === "HEAD" ? undefined : answer.body);
  });
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The function URL has no port.");
  return {
    url: `http://${LOOPBACK}:${address.port}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

type Answer = { status: number; headers: Record<string, string | string[]>; body: string | Uint8Array };

const LOOPBACK = "127.0.0.1";

/** Lambda's payload limit, for requests and answers alike. */
const MAXIMUM_BYTES = 6 * 1024 * 1024;

const answerTo = async (
  incoming: IncomingMessage,
  invoke: (event: unknown) => Promise<unknown>,
): Promise<Answer> => {
  try {
    const body = await bodyOf(incoming);
    if (body === undefined) return plainly(413, "Request Entity Too Large");
    return answerOf(await invoke(eventOf(incoming, body)));
  } catch {
    return plainly(502, "Internal Server Error");
  }
};

const plainly = (status: number, body: string): Answer => ({
  status,
  headers: { "content-type": "text/plain" },
  body,
});

const bodyOf = async (incoming: IncomingMessage): Promise<Buffer | undefined> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.byteLength;
    if (size <= MAXIMUM_BYTES) chunks.push(chunk);
  }
  return size > MAXIMUM_BYTES ? undefined : Buffer.concat(chunks);
};

const eventOf = (incoming: IncomingMessage, body: Buffer): object => {
  const { method = "GET", url = "/", headers, httpVersion, socket } = incoming;
  const question = url.indexOf("?");
  const rawPath = question === -1 ? url : url.slice(0, question);
  const rawQueryString = question === -1 ? "" : url.slice(question + 1);
  const { cookie, ...others } = headers;
  const parameters: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(rawQueryString)) {
    parameters[name] = name in parameters ? `${parameters[name]},${value}` : value;
  }
  const sourceIp = socket.remoteAddress ?? LOOPBACK;
  const host = headers.host ?? LOOPBACK;
  const now = new Date();
  // What is not surely text is base64, a form from a browser too.
  const text = /^(text\/|application\/json\b)/i.test(headers["content-type"] ?? "");
  return {
    version: "2.0",
    routeKey: "$default",
    rawPath,
    rawQueryString,
    ...(cookie !== undefined && { cookies: cookie.split(/;\s*/) }),
    headers: {
      ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, String(value)])),
      "x-forwarded-for": sourceIp,
      "x-forwarded-port": host.split(":")[1] ?? "80",
      "x-forwarded-proto": "http",
    },
    ...(rawQueryString !== "" && { queryStringParameters: parameters }),
    requestContext: {
      accountId: "anonymous",
      apiId: "local",
      domainName: host,
      domainPrefix: "local",
      http: {
        method,
        path: rawPath,
        protocol: `HTTP/${httpVersion}`,
        sourceIp,
        userAgent: headers["user-agent"] ?? "",
      },
      requestId: randomUUID(),
      routeKey: "$default",
      stage: "$default",
      time: commonLogTime(now),
      timeEpoch: now.getTime(),
    },
    ...(body.byteLength > 0 && { body: body.toString(text ? "utf8" : "base64") }),
    isBase64Encoded: body.byteLength > 0 && !text,
  };
};

/** `12/Mar/2020:19:03:58 +0000` */
const commonLogTime = (time: Date): string => {
  const [, day, month, year, clock] = time.toUTCString().split(" ");
  return `${day}/${month}/${year}:${clock} +0000`;
};

const Returned = z.object({
  statusCode: z.int().check(z.gte(100), z.lte(599)),
  headers: z._default(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])), {}),
  cookies: z._default(z.array(z.string()), []),
  body: z._default(z.string(), ""),
  isBase64Encoded: z._default(z.boolean(), false),
});

/** Without a status code, what was returned is the body itself. */
const answerOf = (returned: unknown): Answer => {
  if (typeof returned !== "object" || returned === null || !("statusCode" in returned)) {
    const body = typeof returned === "string" ? returned : JSON.stringify(returned);
    return { status: 200, headers: { "content-type": "application/json" }, body };
  }
  const { statusCode, headers, cookies, body, isBase64Encoded } = Returned.parse(returned);
  const given = Object.entries(headers).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    String(value),
  ]);
  for (const [name, value] of [...given, ...cookies.map((cookie) => ["set-cookie", cookie] as const)]) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  return {
    status: statusCode,
    headers: {
      "content-type": "application/json",
      ...Object.fromEntries(given),
      ...(cookies.length > 0 && { "set-cookie": cookies }),
    },
    body: isBase64Encoded ? Buffer.from(body, "base64") : body,
  };
};
