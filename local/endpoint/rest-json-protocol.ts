import { JsonCodec2 } from "@aws-sdk/core/protocols";
import { NormalizedSchema, translateTraits } from "@smithy/core/schema";
import type { StaticOperationSchema } from "@smithy/types";
import { AwsError } from "./aws-error.ts";
import type { HttpRequest, Protocol } from "./protocol.ts";

/**
 * REST JSON (Lambda): the operation is in method and path, input and output are spread over path, query, headers and body
 * as the members' traits say.
 */
export const restJsonProtocol: Protocol = {
  // The last resort: any request might be REST, and only a matching path tells.
  speaks: () => true,

  address: (request, services) => {
    for (const service of services) {
      const operation = service.operations.find(({ schema }) => labelsOf(request, schema) !== undefined);
      if (operation !== undefined) return { service, operation: operation.schema[2] };
    }
    const service = services.find(({ version }) => request.path.split("/")[1] === version);
    return { service, operation: `${request.method} ${request.path}` };
  },

  decode: async (request, schema) => {
    const input = NormalizedSchema.of(schema[4]);
    if (input.isUnitSchema()) return {};
    const labels = labelsOf(request, schema);
    const members: [string, unknown][] = [];
    const inBody: string[] = [];
    for (const [name, member] of input.structIterator()) {
      const { httpLabel, httpQuery, httpHeader, httpPayload } = member.getMergedTraits();
      if (httpLabel) members.push([name, labels?.get(name)]);
      else if (httpQuery !== undefined) members.push([name, request.query.get(httpQuery) ?? undefined]);
      else if (httpHeader !== undefined) members.push([name, request.headers[httpHeader.toLowerCase()]]);
      else if (httpPayload) members.push([name, request.body]);
      else inBody.push(name);
    }
    const body = inBody.length > 0 && request.body.byteLength > 0 ? await readJson(input, request.body) : {};
    return { ...body, ...Object.fromEntries(members.filter(([, value]) => value !== undefined)) };
  },

  encode: (schema, output, _service, requestId) => {
    const shape = NormalizedSchema.of(schema[5]);
    const [, , successStatus = 200] = httpOf(schema) ?? [];
    const headers: Record<string, string> = {
      "content-type": "application/json",
      "x-amzn-requestid": requestId,
    };
    let status: number = successStatus;
    let payload: string | Uint8Array | undefined;
    const values = new Map<string, unknown>(Object.entries(output));
    for (const [name, member] of shape.isUnitSchema() ? [] : shape.structIterator()) {
      const value = values.get(name);
      if (value === undefined) continue;
      const { httpHeader, httpPayload, httpResponseCode } = member.getMergedTraits();
      if (httpHeader !== undefined) headers[httpHeader.toLowerCase()] = String(value);
      else if (httpResponseCode && typeof value === "number") status = value;
      else if (httpPayload && (typeof value === "string" || value instanceof Uint8Array)) payload = value;
      else continue;
      values.delete(name);
    }
    return { status, headers, body: payload ?? writeJson(shape, Object.fromEntries(values)) };
  },

  encodeError: (error, _service, requestId) => ({
    status: error.status,
    headers: {
      "content-type": "application/json",
      "x-amzn-requestid": requestId,
      "x-amzn-errortype": error.name,
    },
    body: JSON.stringify({ Type: error.status < 500 ? "User" : "Server", message: error.message }),
  }),
};

const EPOCH_SECONDS = 7;
const codec = new JsonCodec2({ timestampFormat: { useTrait: true, default: EPOCH_SECONDS }, jsonName: true });

const httpOf = (schema: StaticOperationSchema) => translateTraits(schema[3]).http;

/** The path's labels when method and path are the operation's, else undefined. */
const labelsOf = (request: HttpRequest, schema: StaticOperationSchema): Map<string, string> | undefined => {
  const [method, template] = httpOf(schema) ?? [];
  if (method !== request.method || template === undefined) return undefined;
  const [wanted, given] = [template.split("/"), request.path.split("/")];
  if (wanted.length !== given.length) return undefined;
  const labels = new Map<string, string>();
  for (const [index, segment] of wanted.entries()) {
    const label = /^\{(\w+)\}$/.exec(segment)?.[1];
    const value = decodeURIComponent(given[index] ?? "");
    if (label !== undefined && value !== "") labels.set(label, value);
    else if (segment !== value) return undefined;
  }
  return labels;
};

const readJson = async (schema: NormalizedSchema, body: Uint8Array): Promise<object> => {
  try {
    return await codec.createDeserializer().read(schema, new TextDecoder().decode(body));
  } catch {
    throw new AwsError("InvalidRequestContentException", "Could not parse request body into json.");
  }
};

const writeJson = (schema: NormalizedSchema, value: object): string | Uint8Array => {
  if (schema.isUnitSchema()) return "";
  const serializer = codec.createSerializer();
  serializer.write(schema, value);
  return serializer.flush();
};
