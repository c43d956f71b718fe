import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { FunctionErrorPayload } from "./function-error.ts";

export type Answer = { payload: unknown } | { error: FunctionErrorPayload };

export type RuntimeApi = {
  /** `host:port`, as AWS_LAMBDA_RUNTIME_API has it. */
  address: string;
  /** Resolves at the first `next`, or with the error that the client reported instead. */
  initialised: Promise<"ready" | FunctionErrorPayload>;
  /** Hands one event to the client. One at a time, as in Lambda. */
  invoke(
    event: unknown,
    options: { requestId: string; deadline: number; functionArn: string },
  ): Promise<Answer>;
  close(): Promise<void>;
};

/** The HTTP API that Lambda offers to a runtime client (version 2018-06-01), for one client. */
export const startRuntimeApi = async (): Promise<RuntimeApi> => {
  const initialised = Promise.withResolvers<"ready" | FunctionErrorPayload>();
  const events: Event[] = [];
  const open = new Map<string, Event>();
  let asking: ServerResponse | undefined;

  const hand = () => {
    const event = asking === undefined ? undefined : events.shift();
    if (asking === undefined || event === undefined) return;
    open.set(event.requestId, event);
    asking.writeHead(200, event.headers).end(event.body);
    asking = undefined;
  };

  const receive = async (request: IncomingMessage, response: ServerResponse) => {
    const [, id, kind] = PATH.exec(request.url ?? "") ?? [];
    const body = await text(request);
    if (id === "next" && kind === undefined) {
      initialised.resolve("ready");
      asking = response;
      hand();
      return;
    }
    const event = open.get(decodeURIComponent(id ?? ""));
    if (request.url === "/2018-06-01/runtime/init/error") {
      initialised.resolve(FunctionErrorPayload.parse(JSON.parse(body)));
    } else if (event !== undefined && kind === "response") {
      event.answer({ payload: JSON.parse(body) });
    } else if (event !== undefined && kind === "error") {
      event.answer({ error: FunctionErrorPayload.parse(JSON.parse(body)) });
    } else {
      response.writeHead(404).end();
      return;
    }
    if (event !== undefined) open.delete(event.requestId);
    response.writeHead(202, { "content-type": "application/json" }).end('{"status":"OK"}');
  };

  const server = createServer((request, response) => {
    receive(request, response).catch((error: unknown) => response.writeHead(400).end(String(error)));
  });
  // The client waits for the next event as long as there is none.
  server.requestTimeout = 0;
  server.keepAliveTimeout = 0;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The Runtime API has no port.");

  return {
    address: `127.0.0.1:${address.port}`,
    initialised: initialised.promise,
    invoke: (event, { requestId, deadline, functionArn }) =>
      new Promise((answer) => {
        const headers = {
          "content-type": "application/json",
          "lambda-runtime-aws-request-id": requestId,
          "lambda-runtime-deadline-ms": String(deadline),
          "lambda-runtime-invoked-function-arn": functionArn,
          "lambda-runtime-trace-id": `Root=1-00000000-${randomUUID().replaceAll("-", "").slice(0, 24)};Sampled=0`,
        };
        events.push({ requestId, headers, body: JSON.stringify(event ?? null), answer });
        hand();
      }),
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

type Event = {
  requestId: string;
  headers: Record<string, string>;
  body: string;
  answer(answer: Answer): void;
};

const PATH = /^\/2018-06-01\/runtime\/invocation\/([^/]+)(?:\/(response|error))?$/;
