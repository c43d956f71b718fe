import { CborCodec } from "@smithy/core/cbor";
import { NormalizedSchema } from "@smithy/core/schema";
import { AwsError } from "./aws-error.ts";
import type { Protocol } from "./protocol.ts";

/** Smithy RPC v2 CBOR, which the AWS CLI prefers for CloudWatch: `POST /service/<target>/operation/<name>`. */
export const cborProtocol: Protocol = {
  speaks: (request) => request.headers["smithy-protocol"] === "rpc-v2-cbor",

  address: (request, services) => {
    const match = /^\/service\/(\w+)\/operation\/(\w+)$/.exec(request.path);
    return { service: services.find((service) => service.target === match?.[1]), operation: match?.[2] };
  },

  decode: async (request, schema) => {
    const input = NormalizedSchema.of(schema[4]);
    if (input.isUnitSchema() || request.body.byteLength === 0) return {};
    try {
      return codec.createDeserializer().read(input, request.body);
    } catch {
      throw new AwsError("SerializationException", "The body is not the CBOR of this operation.");
    }
  },

  encode: (schema, output, _service, requestId) => {
    const shape = NormalizedSchema.of(schema[5]);
    return {
      status: 200,
      headers: headers(requestId),
      body: shape.isUnitSchema() ? EMPTY_MAP : write(shape, output),
    };
  },

  encodeError: (error, _service, requestId) => ({
    status: error.status,
    headers: {
      ...headers(requestId),
      "x-amzn-query-error": `${error.code};${error.status < 500 ? "Sender" : "Receiver"}`,
    },
    body: write(NormalizedSchema.of(DOCUMENT), { __type: error.name, message: error.message }),
  }),
};

const DOCUMENT = 15;
const EMPTY_MAP = Uint8Array.of(0xa0);
const codec = new CborCodec();

const write = (schema: NormalizedSchema, value: object): Uint8Array => {
  const serializer = codec.createSerializer();
  serializer.write(schema, value);
  return serializer.flush();
};

const headers = (requestId: string) => ({
  "content-type": "application/cbor",
  "smithy-protocol": "rpc-v2-cbor",
  "x-amzn-requestid": requestId,
});
