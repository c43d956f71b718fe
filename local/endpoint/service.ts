import type { StaticOperationSchema } from "@smithy/types";
import type { HttpReply, HttpRequest } from "./protocol.ts";

/**
 * One operation of a service: the SDK's own schema (`SendCommand$`) and a plain function from input to output, which
 * throws `AwsError` for what AWS would refuse; or, where something else speaks for the service, whoever takes the
 * request as it came.
 */
export type Operation = {
  schema: StaticOperationSchema;
} & ({ run(input: object): Promise<object> } | { forward(request: HttpRequest): Promise<HttpReply> });

/** What a request carries to say which service it is for. */
export type Service = {
  /** Name in the signature's credential scope, used in the log and by faults: `ssm`, `ec2`, `monitoring`... */
  name: string;
  /** `SSM` in `NotImplementedLocally: SSM.ListDocuments`. */
  title: string;
  /** Prefix of `x-amz-target` (JSON) and path segment (CBOR). */
  target: string;
  /** `Version` of the query protocols, and first path segment of REST ones. */
  version: string;
  /** Namespace of XML answers. */
  xmlNamespace: string;
  /** EC2 has a query dialect of its own. */
  dialect?: "ec2";
  operations: Operation[];
};

/** `SendCommand` of `SendCommand$`. */
export const operationName = (operation: Operation): string => operation.schema[2];
