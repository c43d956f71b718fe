import type { IncomingHttpHeaders } from "node:http";
import type { StaticOperationSchema } from "@smithy/types";
import type { AwsError } from "./aws-error.ts";
import type { Service } from "./service.ts";

export type HttpRequest = {
  method: string;
  /** Without the query string. */
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: Uint8Array;
};

export type HttpReply = {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
};

/** One way to put operations on HTTP. A protocol holds no state; what it needs to know of a service is in `Service`. */
export type Protocol = {
  /** Whether the request is written in this protocol. */
  speaks(request: HttpRequest): boolean;
  /** Which of the services is meant, and what it is asked to do, by name. */
  address(
    request: HttpRequest,
    services: Service[],
  ): { service: Service | undefined; operation: string | undefined };
  /** Throws `AwsError` SerializationException when the body is none. */
  decode(request: HttpRequest, schema: StaticOperationSchema, service: Service): Promise<object>;
  encode(schema: StaticOperationSchema, output: object, service: Service, requestId: string): HttpReply;
  encodeError(error: AwsError, service: Service | undefined, requestId: string): HttpReply;
};
