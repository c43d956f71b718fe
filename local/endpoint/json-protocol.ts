import { JsonCodec2 } from "@aws-sdk/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "./aws-error.ts";
import type { Protocol } from "./protocol.ts";

/** AWS JSON 1.0 and 1.1: `x-amz-target: AmazonSSM.SendCommand`, JSON both ways. They differ in the content type alone. */
export const jsonProtocol: Protocol = {
  speaks: (request) => targetOf(request.headers["x-amz-target"]) !== undefined,

  address: (request, services) => {
    const [prefix, operation] = targetOf(request.headers["x-amz-target"]) ?? [];
    return { service: services.find((service) => service.target === prefix), operation };
  },

  decode: async (request, schema) => {
    const input = NormalizedSchema.of(schema[4]);
    if (input.isUnitSchema()) return {};
    const value: unknown = await jsonCodec
      .createDeserializer()
      .read(input, new TextDecoder().decode(request.body))
      .catch(() => undefined);
    if (typeof value === "object" && value !== null) return value;
    throw new AwsError("SerializationException", "The body is not the JSON of this operation.");
  },

  encode: (schema, output, _service, requestId) => ({
    status: 200,
    headers: headers(requestId),
    body: writeJson(NormalizedSchema.of(schema[5]), output),
  }),

  encodeError: (error, _service, requestId) => ({
    status: error.status,
    headers: {
      ...headers(requestId),
      // CloudWatch moved from query to JSON; its clients still learn the old code from this header.
      "x-amzn-query-error": `${error.code};${error.status < 500 ? "Sender" : "Receiver"}`,
    },
    body: JSON.stringify({ __type: error.name, message: error.message }),
  }),
};

const EPOCH_SECONDS = 7;
const jsonCodec = new JsonCodec2({
  timestampFormat: { useTrait: true, default: EPOCH_SECONDS },
  jsonName: false,
});

const writeJson = (schema: NormalizedSchema, output: object): string | Uint8Array => {
  if (schema.isUnitSchema()) return "{}";
  const serializer = jsonCodec.createSerializer();
  serializer.write(schema, output);
  return serializer.flush();
};

const targetOf = (header: string | string[] | undefined): [string, string] | undefined => {
  const match = /^(\w+)\.(\w+)$/.exec(typeof header === "string" ? header : "");
  return match?.[1] !== undefined && match[2] !== undefined ? [match[1], match[2]] : undefined;
};

const headers = (requestId: string) => ({
  "content-type": "application/x-amz-json-1.1",
  "x-amzn-requestid": requestId,
});
