import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { gunzipSync } from "node:zlib";
import { AwsError, notImplementedLocally } from "./aws-error.ts";
import { cborProtocol } from "./cbor-protocol.ts";
import { jsonProtocol } from "./json-protocol.ts";
import type { HttpReply, HttpRequest, Protocol } from "./protocol.ts";
import { queryProtocol } from "./query-protocol.ts";
import { restJsonProtocol } from "./rest-json-protocol.ts";
import { type Operation, operationName, type Service } from "./service.ts";

/** Who signed a request, and for which Region. */
export type Caller = { accessKeyId: string; region: string };

export type RequestLog = {
  service: string;
  operation: string;
  input: object;
  at: Date;
  /** Undefined: nobody signed it, or it came from within the local AWS. */
  caller: Caller | undefined;
};

/**
 * Asked before each operation runs; `n` counts the calls of that operation from 1, so that a test can throttle the first two.
 * The error it returns is answered instead of running the operation.
 */
export type Fault = (service: string, operation: string, input: object, n: number) => AwsError | undefined;

/** An operation that was carried out, well or not; not one that `Fault` answered. */
export type CarriedOut = {
  service: string;
  operation: string;
  input: object;
  /** As in `RequestLog`. */
  caller: Caller | undefined;
};

export type Endpoint = {
  /** To be given to clients as `AWS_ENDPOINT_URL`. */
  url: string;
  /** Asks for an operation without HTTP, as one AWS service asks another: logged, and subject to faults, like any. */
  ask(service: string, operation: string, input: object): Promise<object>;
  /** Every operation that was asked for and is known, in order, faults included. */
  requests(): RequestLog[];
  close(): Promise<void>;
};

/**
 * Serves AWS operations on loopback, and only there: requests are not authenticated, and some run commands on a host.
 * What no service implements is answered by `NotImplementedLocally` (501) in the caller's own protocol.
 *
 * @param port 0, the default, takes a free one
 * @param elsewhere the services that a caller has before it whose credentials are of another account
 */
export const startEndpoint = async ({
  services,
  elsewhere = () => undefined,
  port = 0,
  remembers = true,
  fault,
  onCarriedOut = async () => {},
}: {
  services: Service[];
  elsewhere?(caller: Caller): Service[] | undefined;
  port?: number;
  /** Whether `requests` tells anything: a list of a million is more than it is worth. */
  remembers?: boolean;
  fault?: Fault;
  /**
   * Called when the operation is done, before it is answered, which waits for it. What it throws is answered instead:
   * the effect is there, and the client does not learn of it.
   */
  onCarriedOut?(call: CarriedOut): Promise<void>;
}): Promise<Endpoint> => {
  const log: RequestLog[] = [];
  const calls = new Map<string, number>();

  const find = (service: Service | undefined, name: string, title: string): [Service, Operation] => {
    const operation = service?.operations.find((known) => operationName(known) === name);
    if (service === undefined || operation === undefined) throw notImplementedLocally(title, name);
    return [service, operation];
  };

  const carryOut = async <Result>(call: CarriedOut, run: () => Promise<Result>): Promise<Result> => {
    const { service, operation, input, caller } = call;
    if (remembers) log.push({ service, operation, input, at: new Date(), caller });
    const n = (calls.get(`${service}.${operation}`) ?? 0) + 1;
    calls.set(`${service}.${operation}`, n);
    const injected = fault?.(service, operation, input, n);
    if (injected !== undefined) throw injected;
    try {
      return await run();
    } finally {
      await onCarriedOut(call);
    }
  };

  const run = async (request: HttpRequest, protocol: Protocol, requestId: string): Promise<HttpReply> => {
    const { caller, service: signedFor } = signatureOf(request);
    const there = (caller && elsewhere(caller)) ?? services;
    const { service, operation: name = "an operation without a name" } = protocol.address(request, there);
    try {
      const [known, operation] = find(service, name, service?.title ?? signedFor);
      const input = await protocol.decode(request, operation.schema, known);
      return await carryOut({ service: known.name, operation: name, input, caller }, async () =>
        "forward" in operation
          ? operation.forward(request)
          : protocol.encode(operation.schema, await operation.run(input), known, requestId),
      );
    } catch (error) {
      return protocol.encodeError(asAwsError(error), service, requestId);
    }
  };

  const server = createServer(async (incoming, response) => {
    const requestId = randomUUID();
    let reply: HttpReply;
    try {
      const request = await read(incoming);
      const protocol = PROTOCOLS.find((candidate) => candidate.speaks(request)) ?? restJsonProtocol;
      reply = await run(request, protocol, requestId);
    } catch (error) {
      reply = restJsonProtocol.encodeError(asAwsError(error), undefined, requestId);
    }
    // A client that finds its clock hours away from the date, as one that skips them is, would repeat whatever failed.
    response.sendDate = false;
    response.writeHead(reply.status, reply.headers).end(reply.body);
  });
  // Node closes idle sockets after 5 s; a client that reuses one in that moment would see a reset which AWS never sends.
  server.keepAliveTimeout = 120_000;
  server.listen(port, LOOPBACK);
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The endpoint has no port.");

  return {
    url: `http://${LOOPBACK}:${address.port}`,
    requests: () => [...log],
    ask: async (serviceName, name, input) => {
      const asked = services.find((service) => service.name === serviceName);
      const [service, operation] = find(asked, name, serviceName);
      if ("forward" in operation) throw notImplementedLocally(service.title, name, "from within");
      const call = { service: service.name, operation: name, input, caller: undefined };
      return carryOut(call, () => operation.run(input));
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
};

const LOOPBACK = "127.0.0.1";

/** The first that recognises the request serves it, so REST, which recognises everything, is last. */
const PROTOCOLS: Protocol[] = [cborProtocol, jsonProtocol, queryProtocol, restJsonProtocol];

/** Lambda's payload limit (6 MB) is the largest body that any of the services takes. */
const MAXIMUM_BODY_BYTES = 6 * 1024 * 1024;

const read = async (incoming: IncomingMessage): Promise<HttpRequest> => {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += chunk.byteLength;
    if (size > MAXIMUM_BODY_BYTES) {
      throw new AwsError(
        "RequestEntityTooLargeException",
        `The body is larger than ${MAXIMUM_BODY_BYTES} bytes.`,
        {
          status: 413,
        },
      );
    }
    chunks.push(chunk);
  }
  const url = new URL(incoming.url ?? "/", `http://${LOOPBACK}`);
  const body = Buffer.concat(chunks);
  return {
    method: incoming.method ?? "GET",
    path: url.pathname,
    query: url.searchParams,
    headers: incoming.headers,
    // The CloudWatch client compresses large PutMetricData requests.
    body:
      incoming.headers["content-encoding"] === "gzip"
        ? gunzipSync(body, { maxOutputLength: MAXIMUM_BODY_BYTES })
        : body,
  };
};

/** Who signed the request, and for which service. */
const signatureOf = (request: HttpRequest): { caller: Caller | undefined; service: string } => {
  const [, accessKeyId, region, service = "unknown"] =
    /Credential=([^/]+)\/\d+\/([^/]+)\/([\w-]+)\//.exec(request.headers.authorization ?? "") ?? [];
  return {
    caller: accessKeyId === undefined || region === undefined ? undefined : { accessKeyId, region },
    service,
  };
};

/** A defect of ours must not be retried, as a 500 would be: the operation may have run already. */
const asAwsError = (error: unknown): AwsError =>
  error instanceof AwsError
    ? error
    : new AwsError(
        "DefectInLocalEndpoint",
        error instanceof Error ? (error.stack ?? error.message) : String(error),
        { status: 501 },
      );
