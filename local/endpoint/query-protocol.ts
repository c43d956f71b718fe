import { XmlCodec } from "@aws-sdk/core/protocols";
import { NormalizedSchema } from "@smithy/core/schema";
import type { HttpRequest, Protocol } from "./protocol.ts";
import { formTree, readStruct } from "./query-input.ts";
import type { Service } from "./service.ts";

/** AWS Query (SNS, older clients of CloudWatch) and its EC2 dialect: a form in, XML out. */
export const queryProtocol: Protocol = {
  speaks: (request) =>
    request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded") ?? false,

  address: (request, services) => {
    const form = formOf(request);
    const version = form.get("Version");
    return {
      service: services.find((service) => service.version === version),
      operation: form.get("Action") ?? undefined,
    };
  },

  decode: async (request, schema, service) => {
    const input = NormalizedSchema.of(schema[4]);
    if (input.isUnitSchema()) return {};
    return readStruct(input, formTree(formOf(request)), service.dialect === "ec2");
  },

  encode: (schema, output, service, requestId) => {
    const name = schema[2];
    const members = writeMembers(NormalizedSchema.of(schema[5]), output, service);
    const content =
      service.dialect === "ec2"
        ? `<requestId>${requestId}</requestId>${members}`
        : `<${name}Result>${members}</${name}Result><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>`;
    const body = `<${name}Response xmlns="${service.xmlNamespace}">${content}</${name}Response>`;
    return { status: 200, headers: headers(requestId), body };
  },

  encodeError: (error, service, requestId) => {
    const [code, message] = [escapeXml(error.code), escapeXml(error.message)];
    const body =
      service?.dialect === "ec2"
        ? `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>${requestId}</RequestID></Response>`
        : `<ErrorResponse><Error><Type>${error.status < 500 ? "Sender" : "Receiver"}</Type><Code>${code}</Code><Message>${message}</Message></Error><RequestId>${requestId}</RequestId></ErrorResponse>`;
    return { status: error.status, headers: headers(requestId), body };
  },
};

const formOf = (request: HttpRequest): URLSearchParams =>
  new URLSearchParams(new TextDecoder().decode(request.body));

/** The codec names its root after the shape; the protocol wants the members under a root named after the operation. */
const writeMembers = (schema: NormalizedSchema, output: object, service: Service): string => {
  if (schema.isUnitSchema()) return "";
  const serializer = new XmlCodec({
    timestampFormat: { useTrait: true, default: DATE_TIME },
    xmlNamespace: service.xmlNamespace,
    serviceNamespace: service.xmlNamespace,
  }).createSerializer();
  serializer.write(schema, output);
  const xml = serializer.flush().toString();
  return xml.slice(xml.indexOf(">") + 1, Math.max(xml.lastIndexOf("</"), xml.indexOf(">") + 1));
};

const DATE_TIME = 5;

const escapeXml = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const headers = (requestId: string) => ({
  "content-type": "text/xml;charset=UTF-8",
  "x-amzn-requestid": requestId,
});
